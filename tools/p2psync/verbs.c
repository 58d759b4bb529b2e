/* The table of verbs: what each is called, takes and does. `help`, the usage lines of errors, the
 * man page and the completion all say what stands here; a test compares them. */
#include "tools/p2psync/verbs.h"

#include "tools/p2psync/commands/commands.h"

#define NODE_OPTIONS                                                                               \
    "  --listen HOST[:PORT]  where to listen (default: everywhere, port 47470 or any free one)\n"  \
    "  --interface IF        announce on interfaces of this name or pattern (may be repeated;\n"   \
    "                        default: all usable ones)\n"                                          \
    "  --no-beacon           neither announce nor listen for announcements\n"                      \
    "  --beacon-port N       UDP port of announcements (default: 47470)\n"                         \
    "  --peer HOST[:PORT]    a device that announcements do not reach (may be repeated); a\n"      \
    "                        link-local address with this one's interface: fe80::1%wlan0\n"

#define TIME_FORMS                                                                                 \
    "A TIME is 2026-11-26, '2026-11-26 10:00' or '2026-11-26 10:00:30', as history prints it;\n"   \
    "2026-11-26T10:00:00Z; now, today, yesterday or 'yesterday 18:00'; or 10m, 2h, 3d back.\n"

#define VERSION_FORMS                                                                              \
    "A VERSION may be as short as names one: 'history' prints short ones, and the digits before\n" \
    "the hyphen may do.\n"

const struct verb verbs_table[] = {
    {"init", "[--name NAME] [--no-recovery] [--from-copy]", "make this device and a new mesh",
     "  --name NAME    how people call this device (default: the host's name)\n"
     "  --no-recovery  make a mesh without a recovery key; there is no other time to make one\n"
     "  --from-copy    DIR was copied from another device: make the copy a device of its own, "
     "which\n"
     "                 keeps all records, and then joins the same mesh by an invite\n"
     "Shows the recovery code once, which is for paper: its key ranks above this device, for when "
     "it "
     "is\n"
     "lost or stolen. It is stored nowhere.\n",
     cmd_init, true},
    {"run", "[OPTION]...", "run the node in the foreground until SIGINT or SIGTERM",
     NODE_OPTIONS "Log records go to stderr: warnings and errors, with -v more, with -vv all.\n",
     cmd_run, false},
    {"start", "[OPTION]...", "run the node in the background",
     NODE_OPTIONS "Returns when the node listens. Its log records go to DIR/node.log. SIGHUP opens "
                  "it anew, and\n"
                  "settings are read again: 'p2psync help config' says which are taken up.\n",
     cmd_start, false},
    {"stop", "", "stop the running node and wait until it has ended", NULL, cmd_stop, false},
    {"invite",
     "[--expires DURATION] [--role ROLE] [--collection C=ROLE]... [--confirm] [--no-wait] [--qr "
     "FILE] | --cancel",
     "let another device join: prints a code for it",
     "  --expires DURATION  how long the code works: 90s, 10m, 2h (default: 10m)\n"
     "  --role ROLE         admin, writer or reader (default: the founder gives admin, an admin "
     "writer)\n"
     "  --collection C=ROLE another one in collection C: writer, reader or none\n"
     "  --confirm           nobody comes in before 'p2psync devices accept'\n"
     "  --no-wait           do not wait until the code is used or expires\n"
     "  --qr FILE           write the code to FILE as a QR code too, an SVG image\n"
     "  --cancel            close the invite that is open\n"
     "One that waits closes when it is interrupted; one at a time is open, and a new one takes its "
     "place.\n",
     cmd_invite, false},
    {"join", "[CODE | -] [--name NAME]", "join the mesh of a code, making this device if need be",
     "  --name NAME  how people call this device (default: the host's name)\n"
     "Without CODE it is taken from P2PSYNC_CODE, or asked for on a terminal; - reads it from "
     "stdin.\n"
     "So the list of processes does not show it. A CODE given as a word is overwritten there at "
     "once.\n",
     cmd_join, true},
    {"recover",
     "[CODE | -] {--check | remove DEVICE... [--admin DEVICE]... [--keep DEVICE]... | admin "
     "DEVICE...}",
     "use the recovery code: remove devices, the founder too, and name admins",
     "  remove   cut devices off for good, whoever they are. With the founder all other admins\n"
     "           become writers, and whom it has removed stays out\n"
     "  --admin  with the founder removed, who is an admin from now on (default: this device)\n"
     "  --keep   with the founder removed, who is a writer again that it had removed\n"
     "  admin    make devices admins\n"
     "  --check  only say whether it is the code of this mesh; exit code 1 if it is not, or was\n"
     "           mistyped\n"
     "CODE is what 'init' showed when the mesh was made. Without it, it is taken from "
     "P2PSYNC_CODE, "
     "or\n"
     "asked for on a terminal; - reads it from stdin. Case, blanks and dashes do not matter. Any "
     "device\n"
     "of the mesh will do, and keeps nothing of it.\n",
     cmd_recover, false},
    {"mesh", "renew NEWDIR [--name NAME]",
     "make a new mesh in NEWDIR, with the records and settings of this device",
     "  --name NAME  how people call the device there (default: as here)\n"
     "For a founder that is lost or stolen where nobody has the recovery code, or a thief has it. "
     "Conflicts\n"
     "are copied as they are shown; history is not. What is here stays as it is. The other devices "
     "join\n"
     "the new mesh: 'p2psync -C NEWDIR start', and 'p2psync -C NEWDIR invite'.\n",
     cmd_mesh, false},
    {"peers", "[--watch]", "show the other devices and how far they are",
     "  --watch  show them again every second\n", cmd_peers, false},
    {"devices",
     "[list | rename DEVICE NAME | role DEVICE ROLE [--collection C] | remove DEVICE... | retire | "
     "accept DEVICE | reject DEVICE]",
     "show the members of the mesh, name them, say what they may, remove them",
     "  role    admin (brings in and removes devices, sets collections), writer or reader\n"
     "  --collection C  in that collection only: writer, reader or none\n"
     "  remove  cut a device off, for good: what it wrote stays, its key never comes back\n"
     "  retire  remove this device itself; an admin asks the founder for it so\n"
     "  accept, reject  let the device in that waits for 'invite --confirm', or not\n"
     "DEVICE is a name that no other device ever had, an id, or a whole fingerprint.\n",
     cmd_devices, false},
    {"status", "", "show this node at a glance", NULL, cmd_status, false},
    {"pending", "", "show the changes that are here and wait for others",
     "A change waits if what it was made on top of, or the rest of its transaction, is not here.\n"
     "Nothing else waits for it. The devices that had seen those bring them; if they are lost, "
     "edit\n"
     "the record anew.\n",
     cmd_pending, false},
    {"doctor", "", "check what must be right to find other devices and sync with them",
     "Each check says what is so, and where it is not in order what to do. Exit code 1 if one "
     "failed.\n",
     cmd_doctor, false},
    {"verify", "[--repair]", "check everything that is stored: hashes, signatures, records, counts",
     "  --repair  mend what is found: rows of records are worked out anew from the log, and "
     "changes\n"
     "            whose bytes are gone are fetched from other devices, by the node that runs in "
     "DIR\n"
     "Without a running node all is checked, and records are repaired; only what must be fetched "
     "waits\n"
     "until one runs. Exit code 1 if something is bad and was not repaired.\n",
     cmd_verify, false},
    {"now", "", "sync with every reachable device at once and wait for it", NULL, cmd_now, false},
    {"put",
     "COLLECTION ID [FIELD=VALUE | FIELD:=JSON]... [--data JSON] [--unset FIELD]... [--note TEXT] "
     "[--if-version VERSION|none]...",
     "create or edit a record, field by field",
     "  FIELD=VALUE    set a field; a VALUE that is JSON is that, anything else is a string: "
     "ver=1.10 "
     "is\n"
     "                 a number, and ver='\"1.10\"' is text\n"
     "  FIELD:=JSON    set a field to what must be JSON\n"
     "  --data JSON    set the fields of this object; - reads it from stdin\n"
     "  --unset FIELD  take a field out (may be repeated)\n"
     "  --note TEXT    why, for the history\n"
     "  --if-version VERSION  only if the record still has this version, and no other unless it "
     "is\n"
     "                        named, too (may be repeated); none: only if there is no record\n",
     cmd_put, false},
    {"get", "COLLECTION ID [--version VERSION]", "show a record",
     "  --version VERSION  as it was then; 'history' names the versions\n" VERSION_FORMS, cmd_get,
     false},
    {"list",
     "COLLECTION [--prefix P] [--from ID|--after ID] [--limit N] [--reverse] [--count] "
     "[--deleted] [--archived] [--conflicts]",
     "show the records of a collection by id",
     "  --prefix P   only ids that begin so\n"
     "  --from ID    begin with this id, or where it would be\n"
     "  --after ID   begin after it: the next page begins after the last id of this one\n"
     "  --limit N    at most so many\n"
     "  --reverse    from the last id to the first\n"
     "  --count      only say how many\n"
     "  --deleted    deleted ones too\n"
     "  --archived   archived ones too\n"
     "  --conflicts  only those in conflict\n",
     cmd_list, false},
    {"delete", "COLLECTION ID [--note TEXT] [--if-version VERSION]...", "delete a record",
     "  --note TEXT           why, for the history\n"
     "  --if-version VERSION  only if it still has this version (may be repeated)\n"
     "'restore' brings it back.\n",
     cmd_delete, false},
    {"archive", "COLLECTION ID [--note TEXT] [--if-version VERSION]...",
     "hide a record, and keep it",
     "  --note TEXT           why, for the history\n"
     "  --if-version VERSION  only if it still has this version (may be repeated)\n"
     "'restore' shows it again.\n",
     cmd_archive, false},
    {"restore", "COLLECTION ID [--version VERSION] [--note TEXT]", "bring a record back",
     "  --version VERSION  as it was then (default: as it was before it was deleted, or as it is "
     "in "
     "the\n"
     "                     archive)\n"
     "  --note TEXT        why, for the history\n" VERSION_FORMS
     "Nothing is rewritten: it is a new change.\n",
     cmd_restore, false},
    {"history", "COLLECTION [ID] [--device DEVICE] [--since TIME] [--limit N]",
     "show who changed a record, when and how, newest first",
     "  --device DEVICE  only what that device did\n"
     "  --since TIME     only what was done from then on\n"
     "  --limit N        at most so many, the newest\n"
     "Without ID it shows the changes of all records of the collection.\n" TIME_FORMS,
     cmd_history, false},
    {"diff", "COLLECTION ID [VERSION [VERSION]]",
     "show what changed between two versions of a record",
     "With one VERSION: from then to now. With none: what the last change did.\n" VERSION_FORMS,
     cmd_diff, false},
    {"revert", "--device DEVICE --since TIME [--collection COLLECTION] [--note TEXT] [--dry-run]",
     "undo what one device did, as new changes",
     "  --device DEVICE          its id, whole fingerprint, or a name that no other ever had\n"
     "  --since TIME             what it did then or later\n"
     "  --collection COLLECTION  only there (default: everywhere)\n"
     "  --note TEXT              why, for the history\n"
     "  --dry-run                only show what would be done\n" TIME_FORMS
     "Fields that somebody else has changed since are kept. TIME goes by that device's clock; if "
     "it\n"
     "is known to be off by a minute or more, that is told first.\n",
     cmd_revert, false},
    {"conflicts", "[COLLECTION]", "show the records that were edited concurrently, and how",
     "What a version changes is against the base, from which all began. 'merged' is what resolve "
     "--merge\n"
     "makes of them.\n",
     cmd_conflicts, false},
    {"resolve", "COLLECTION ID (--take DEVICE|VERSION | --data JSON | --merge) [--note TEXT]",
     "end a conflict, on all devices",
     "  --take DEVICE|VERSION  the record becomes what that device, or that version, made of it\n"
     "  --data JSON            it gets exactly the fields of this object; - reads it from stdin\n"
     "  --merge                all versions, merged field by field\n"
     "  --note TEXT            why, for the history\n" VERSION_FORMS
     "Exit code 4 if it is resolved already.\n",
     cmd_resolve, false},
    {"collection", "list | get COLLECTION | set COLLECTION KEY VALUE",
     "show or change the settings of collections, on all devices",
     "  strategy    what is shown of a record that was edited concurrently: auto_merge (the "
     "default),\n"
     "              last_write_wins, keep_both, manual, or prefer:DEVICE\n"
     "  field.NAME  how auto_merge combines a field that was changed on both sides: "
     "last_write_wins,\n"
     "              union, text, max, min, counter\n"
     "  retention   how long the past is kept, such as 90d; kept and shown, nothing is dropped "
     "yet\n"
     "The VALUE null takes a setting back.\n",
     cmd_collection, false},
    {"import", "COLLECTION [--id FIELD] [--keep-going] [FILE]", "make records of JSON lines",
     "  --id FIELD    the field that holds a record's id; it is taken out (default: id)\n"
     "  --keep-going  leave out lines that are no records\n"
     "Each record is set to exactly what its line says. Without FILE, or for -, stdin is read.\n",
     cmd_import, false},
    {"export", "COLLECTION [--id FIELD] [FILE]",
     "write a collection as JSON lines that import takes back",
     "  --id FIELD  the field to put the id into; no record may have it (default: id)\n"
     "Without FILE, or for -, stdout is written.\n",
     cmd_export, false},
    {"backup", "FILE [--without-identity] | [DIR] [--every DURATION] [--keep N]",
     "write all that this device holds to one file, beside a running node too",
     "  --without-identity  leave this device's key out: what is restored becomes a new device\n"
     "  --every DURATION    make none now: have the running node make one in DIR so often: 12h, "
     "1d\n"
     "  --keep N            so many of those stay; the oldest goes when a new one is whole\n"
     "FILE can be read by its owner only, for it holds the key: whoever has it can be this "
     "device.\n"
     "It appears whole or not at all. A backup of this device is replaced; any other file is kept, "
     "and\n"
     "the exit code is 4. For - the backup goes to stdout. With --every or --keep the settings\n"
     "backup_dir, backup_every and backup_keep are written, those that are given: 'p2psync help\n"
     "config' says more of them.\n",
     cmd_backup, false},
    {"restore-backup", "FILE [--as-new-device [--name NAME]]", "make DIR of a backup",
     "  --as-new-device  a device with a key of its own, which joins the same mesh by an invite\n"
     "  --name NAME      how people call the new device (default: the host's name)\n"
     "DIR holds no device yet. Else it is the device that the backup was made of, which must not "
     "run\n"
     "anywhere else; other devices bring it what it wrote after that. For - the backup is read "
     "from "
     "stdin.\n",
     cmd_restore_backup, true},
    {"reset", "[--yes]", "drop all records and their past, and fetch them again from other devices",
     "  --yes  also drop what no other device is known to have\n"
     "No node may run. The device keeps its name, key, mesh and settings. Nothing is dropped "
     "unless "
     "a\n"
     "device that was in sync when the node was stopped answers now that it lacks nothing of it; "
     "else\n"
     "the exit code is 4.\n",
     cmd_reset, false},
    {"watch", "[COLLECTION]", "show events as they happen, until SIGINT",
     "Each line has the time, the event, the record or device, who did it and the version; with "
     "--json "
     "all\n"
     "of it, whole.\n",
     cmd_watch, false},
    {"config", "list | get KEY | set KEY VALUE", "show or change this node's settings",
     "  listen                  where other devices reach this one, HOST[:PORT]\n"
     "  interfaces              names or patterns of those to announce on: [] is all\n"
     "  interfaces_exclude      of them, those not to announce on\n"
     "  beacon, beacon_port     whether to announce, and the UDP port of it\n"
     "  peers                   addresses of devices that no announcement reaches\n"
     "  durability              flush: what is written is on the disk; or none: fast, but if\n"
     "                          the machine crashes the last writes are gone, and the store may\n"
     "                          be damaged and refused\n"
     "  interval_ms             how often devices compare what they have, at least\n"
     "  backup_dir              where the running node makes backups, or null: the full path of a\n"
     "                          directory that is there\n"
     "  backup_every            how often, such as 12h or 1d (the default)\n"
     "  backup_keep             how many of them stay (7); the oldest goes when a new one is "
     "whole\n"
     "  on_conflict             who answers conflicts: local (the version of this device), remote\n"
     "                          (that of another one), or a command, which gets the conflict as\n"
     "                          JSON and writes {\"fields\": {...}}, {\"take\": \"VERSION\"} or "
     "nothing\n"
     "  on_conflict_wait_ms     how long there must be no news before it is asked\n"
     "  on_conflict_timeout_ms  how long a command may take\n"
     "A VALUE that is JSON is that, anything else is a string; null takes a setting back. A "
     "running\n"
     "node takes them up when it gets SIGHUP, but for listen and durability, which wait for its "
     "next\n"
     "start. P2PSYNC_LISTEN and so on in the environment go before all these.\n",
     cmd_config, false},
    {"completion", "bash | zsh | fish | words [WORD]...",
     "print the script that makes a shell complete p2psync",
     "To try it in bash: source <(p2psync completion bash). 'words' is what the scripts ask: what "
     "the "
     "last\n"
     "WORD may be, after those before it. After -- the words may begin with a hyphen.\n",
     cmd_completion, false},
    {"version", "", "show the version", NULL, cmd_version, false},
    {"help", "[COMMAND]", "show what a command does", NULL, cmd_help, false},
};

const size_t verbs_count = sizeof verbs_table / sizeof verbs_table[0];
