/* p2psync invite: let a device join, with a code to read out and a QR code to scan. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/qr.h"
#include "tools/p2psync/times.h"

#define COLLECTIONS_MAX 16 /* as the library has it */

struct invite {
    struct p2psync_invite_terms terms;
    const char *collections[COLLECTIONS_MAX];
    const char *roles[COLLECTIONS_MAX];
    bool no_wait;
    bool cancel;         /* the one that is open */
    char *code;          /* of what was opened; NULL: nothing */
    const char *qr_file; /* NULL: none */
    FILE *qr;
};

static int parse(struct cli *cli, int argc, char **argv, struct invite *invite);
static int open_qr(struct cli *cli, struct invite *invite);
static int close_qr(struct cli *cli, struct invite *invite, int code);
static int say_refused(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail);
static bool add_collection(struct invite *invite, char *text);
static int cancel(struct cli *cli, p2psync_node *node);
static int pass_over_earlier(struct cli *cli, struct events *events);
static int show_code(struct cli *cli, struct invite *invite, struct p2psync_buffer *answer);
static int wait_for_device(struct cli *cli, struct events *events);

int cmd_invite(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer answer = {0};
    struct events events = {0};
    struct invite invite = {.terms.size = sizeof invite.terms};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = parse(cli, argc, argv, &invite);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    if (invite.cancel) {
        code = cancel(cli, node);
        p2psync_close(node);
        return code;
    }
    code = open_qr(cli, &invite);
    if (code == CLI_DONE &&
        !invite.no_wait) { /* before the invite, so that its end cannot be missed */
        code = events_open(cli, node, &events);
    }
    if (code == CLI_DONE) {
        invite.terms.collections = invite.collections;
        invite.terms.collection_roles = invite.roles;
        result = p2psync_invite_with(node, &invite.terms, &answer, &detail);
        code = result == P2PSYNC_OK ? CLI_DONE
               : detail.text[0] != '\0' && (result == P2PSYNC_EDENIED || result == P2PSYNC_EFORMAT)
                   ? say_refused(cli, result, &detail)
                   : fail_node(cli, node, result, "invite");
    }
    if (code == CLI_DONE && !invite.no_wait) {
        code = pass_over_earlier(cli, &events);
    }
    if (code == CLI_DONE) {
        code = show_code(cli, &invite, &answer);
    }
    code = close_qr(cli, &invite, code);
    if (code == CLI_DONE && !invite.no_wait) {
        code = wait_for_device(cli, &events);
    }
    /* What nobody was shown, or nobody waits for any more, lets nobody in. */
    if (code != CLI_DONE && invite.code != NULL) {
        (void)!p2psync_invite_cancel(node, invite.code);
    }
    p2psync_buffer_free(&answer);
    free(invite.code);
    p2psync_close(node);
    return code;
}

static int say_refused(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail)
{
    return result == P2PSYNC_EFORMAT ? fail_usage(cli, "%s", detail->text)
                                     : fail_saying(cli, CLI_DENIED, "invite: %s", detail->text);
}

static int cancel(struct cli *cli, p2psync_node *node)
{
    p2psync_result result = p2psync_invite_cancel(node, NULL);

    if (result == P2PSYNC_ENOTFOUND) {
        return fail_saying(cli, CLI_NOT_FOUND, "invite --cancel: no invite is open");
    }
    if (result != P2PSYNC_OK) {
        return fail_node(cli, node, result, "invite --cancel");
    }
    puts(cli->json ? "{\"cancelled\":true}" : "The invite is closed.");
    return CLI_DONE;
}

/* What was told before our invite was open is about one that it took the place of. */
static int pass_over_earlier(struct cli *cli, struct events *events)
{
    events_outcome outcome = EVENTS_ONE;

    while (outcome == EVENTS_ONE) { /* ends with what has come so far */
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;

        outcome = events_next(cli, events, 0, &type, &data);
        p2psync_buffer_free(&data);
        if (outcome == EVENTS_ONE && type == P2PSYNC_EVENT_STOPPED) {
            return fail(cli, P2PSYNC_ENOTRUNNING, "invite: the node was stopped");
        }
    }
    return outcome == EVENTS_FAILED ? events->code : CLI_DONE;
}

static int parse(struct cli *cli, int argc, char **argv, struct invite *invite)
{
    static const struct option own[] = {{"expires", required_argument, NULL, 'e'},
                                        {"role", required_argument, NULL, 'r'},
                                        {"collection", required_argument, NULL, 'C' + 0x100},
                                        {"confirm", no_argument, NULL, 'o'},
                                        {"no-wait", no_argument, NULL, 'n'},
                                        {"cancel", no_argument, NULL, 'c'},
                                        {"qr", required_argument, NULL, 'q' + 0x100},
                                        {0}};
    int option;

    do {
        option = options_next(cli, argc, argv, own);
        switch (option) {
        case 'e':
            if (!times_duration(optarg, &invite->terms.expires_ms)) {
                return fail_usage(cli, "--expires '%s' is no duration such as 90s, 10m or 2h",
                                  optarg);
            }
            break;
        case 'r':
            invite->terms.role = optarg;
            break;
        case 'C' + 0x100: /* -C is the directory */
            if (!add_collection(invite, optarg)) {
                return fail_usage(cli, "--collection '%s' is none of %d such as notes=reader",
                                  optarg, COLLECTIONS_MAX);
            }
            break;
        case 'o':
            invite->terms.confirm = true;
            break;
        case 'n':
            invite->no_wait = true;
            break;
        case 'c':
            invite->cancel = true;
            break;
        case 'q' + 0x100: /* -q is --quiet */
            invite->qr_file = optarg;
            break;
        case OPTIONS_WRONG:
            return CLI_USAGE;
        default:
            break;
        }
    } while (option != OPTIONS_END);
    if (invite->cancel &&
        (invite->terms.expires_ms != 0 || invite->terms.role != NULL || invite->terms.confirm ||
         invite->terms.collection_count > 0 || invite->no_wait || invite->qr_file != NULL)) {
        return fail_usage(cli, "--cancel stands alone");
    }
    return options_operands(cli, argc, argv, 0, 0) ? CLI_DONE : CLI_USAGE;
}

/* C=ROLE. */
static bool add_collection(struct invite *invite, char *text)
{
    char *equals = strrchr(text, '=');
    size_t *count = &invite->terms.collection_count;

    if (equals == NULL || *count == COLLECTIONS_MAX) {
        return false;
    }
    *equals = '\0';
    invite->collections[*count] = text;
    invite->roles[*count] = equals + 1;
    (*count)++;
    return true;
}

/* The QR code comes last: what stands over it may scroll away, it may not. */
static void print_code(struct p2psync_bytes answer, const void *context)
{
    const struct invite *invite = context;
    struct p2psync_bytes expires = p2psync_map_text(answer, "expires");
    size_t lines = 0;
    size_t columns = 0;

    printf("On the other device run:\n\n  p2psync join %s\n\n", invite->code);
    printf("The code works once, until %.*s.\n", TEXT(expires));
    if (isatty(STDOUT_FILENO) && !qr_print(invite->code, &lines, &columns) && lines > 0) {
        printf("As a QR code it needs %zu lines of %zu columns, and this terminal has %zu of %zu; "
               "make it\nlarger, or run 'p2psync invite --qr FILE.svg'.\n",
               lines, columns, output_height(), output_width());
    }
}

/* Open the file of --qr before anybody is invited: who cannot have it wants no invite either. Only
 * its owner may read it, as whoever reads the code may join. */
static int open_qr(struct cli *cli, struct invite *invite)
{
    mode_t mask = umask(S_IRWXG | S_IRWXO);

    if (invite->qr_file != NULL) {
        invite->qr = fopen(invite->qr_file, "we");
    }
    umask(mask);
    return invite->qr_file == NULL || invite->qr != NULL
               ? CLI_DONE
               : fail_system(cli, errno, "invite: cannot write '%s'", invite->qr_file);
}

/* Close it after it was written, or remove it if `code` says that there is no invite. */
static int close_qr(struct cli *cli, struct invite *invite, int code)
{
    struct stat found = {0};
    bool regular = false;
    bool good = false;

    if (invite->qr == NULL) {
        return code;
    }
    regular = fstat(fileno(invite->qr), &found) == 0 && S_ISREG(found.st_mode);
    good = !ferror(invite->qr);
    good = fclose(invite->qr) == 0 && good;
    if (regular && (code != CLI_DONE || !good)) {
        (void)unlink(invite->qr_file);
    }
    return code != CLI_DONE || good
               ? code
               : fail_system(cli, EIO, "invite: cannot write '%s'", invite->qr_file);
}

static int show_code(struct cli *cli, struct invite *invite, struct p2psync_buffer *answer)
{
    const struct p2psync_bytes map = {answer->data, answer->size};
    struct p2psync_bytes text = p2psync_map_text(map, "code");
    int code = output_check(cli, map);

    if (code == CLI_DONE) {
        invite->code = strndup(text.data, text.size);
        if (invite->code == NULL) {
            fail_memory();
        }
    }
    if (code == CLI_DONE && invite->qr != NULL) {
        if (!qr_write_svg(invite->code, invite->qr)) {
            code = fail(cli, P2PSYNC_ENOMEM, "invite --qr");
        } else if (fflush(invite->qr) != 0) {
            code = fail_system(cli, errno, "invite: cannot write '%s'", invite->qr_file);
        }
    }
    if (code == CLI_DONE) {
        code = output_answer_with(cli, answer, print_code, invite);
    }
    fflush(stdout);
    return code;
}

static void print_joined(struct p2psync_bytes event)
{
    struct p2psync_bytes name = p2psync_map_text(event, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(event, "fingerprint");

    output_text(name.data, name.size);
    printf(" (%.*s) joined. Compare the fingerprint with what that device shows.\n",
           TEXT(fingerprint));
}

/* With --json, events follow the code line by line. */
static int print_pending(struct cli *cli, struct p2psync_buffer *data)
{
    struct p2psync_bytes event = {data->data, data->size};
    struct p2psync_bytes name = p2psync_map_text(event, "name");
    int code = output_check(cli, event);

    if (code == CLI_DONE && cli->json) {
        code = output_json(cli, event);
    } else if (code == CLI_DONE) {
        output_text(name.data, name.size);
        printf(" (%.*s) waits. If that device shows the same fingerprint, run 'p2psync devices "
               "accept %.*s', else 'devices reject'.\n",
               TEXT(p2psync_map_text(event, "fingerprint")),
               TEXT(p2psync_map_text(event, "fingerprint")));
    }
    fflush(stdout);
    p2psync_buffer_free(data);
    return code;
}

static int closed(struct cli *cli, struct p2psync_buffer *data)
{
    struct p2psync_bytes reason =
        p2psync_map_text((struct p2psync_bytes){data->data, data->size}, "reason");
    const struct p2psync_bytes expired = {"the code expired", 16};
    int code;

    reason = reason.size > 0 ? reason : expired;
    code =
        fail_saying(cli, CLI_FAILED, "invite: no device joined: %.*s; invite again", TEXT(reason));
    p2psync_buffer_free(data);
    return code;
}

/* Until the invite is used or closed. */
static int wait_for_device(struct cli *cli, struct events *events)
{
    /* Unbounded: the invite expires. */
    for (;;) {
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        int code;

        switch (events_next(cli, events, -1, &type, &data)) {
        case EVENTS_FAILED:
            return events->code;
        case EVENTS_INTERRUPTED:
            return fail_saying(cli, CLI_FAILED,
                               "invite: interrupted; the code works no more (--no-wait leaves it "
                               "open)");
        case EVENTS_HANGUP:
        case EVENTS_NONE:
        case EVENTS_ONE:
            break;
        }
        switch (type) {
        case P2PSYNC_EVENT_DEVICE_JOINED:
            return output_answer(cli, &data, print_joined);
        case P2PSYNC_EVENT_DEVICE_PENDING:
            code = print_pending(cli, &data);
            if (code != CLI_DONE) {
                return code;
            }
            break;
        case P2PSYNC_EVENT_INVITE_CLOSED:
            return closed(cli, &data);
        case P2PSYNC_EVENT_STOPPED:
            p2psync_buffer_free(&data);
            return fail(cli, P2PSYNC_ENOTRUNNING, "invite: the node was stopped");
        default:
            p2psync_buffer_free(&data);
            break;
        }
    }
}
