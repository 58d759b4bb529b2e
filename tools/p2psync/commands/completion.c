/* p2psync completion: the script that makes a shell complete p2psync, and what such a script asks.
 * The scripts know nothing of commands and options; they ask each time, so what they offer is what
 * this program takes and what the store holds. */
#include <string.h>

#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/complete.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"

/* Bash cuts words at = and : as well; they are put together again, and of an answer only what
 * follows the last cut is wanted. */
static const char bash_script[] =
    "# Completion of p2psync for bash, as 'p2psync completion bash' prints it.\n"
    "_p2psync() {\n"
    "    local rest=${COMP_LINE:0:COMP_POINT} words=() lines=() word piece='' index quoted=''\n"
    "    for ((index = 0; index <= COMP_CWORD; index++)); do\n"
    "        word=${COMP_WORDS[index]}\n"
    "        [[ $index -eq 0 || $rest == [[:space:]]* ]] && words+=('') piece=''\n"
    "        rest=${rest#\"${rest%%[![:space:]]*}\"}\n"
    "        ((index == COMP_CWORD)) && word=$rest\n"
    "        rest=${rest#\"$word\"}\n"
    "        words[-1]+=$word\n"
    "        [[ $word == [=:] ]] && word=''\n"
    "        piece=$word\n"
    "    done\n"
    "    [[ ${words[-1]} == [\\\"\\']* ]] && quoted=yes\n"
    "    for index in \"${!words[@]}\"; do\n"
    "        word=${words[index]//\\\\/}\n"
    "        word=${word#[\\\"\\']}\n"
    "        words[index]=${word%[\\\"\\']}\n"
    "    done\n"
    "    piece=${piece//\\\\/}\n"
    "    piece=${piece#[\\\"\\']}\n"
    "    local whole=${words[-1]}\n"
    "    local before=${whole%\"$piece\"}\n"
    "    mapfile -t lines < <(\"$1\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
    "    COMPREPLY=()\n"
    "    case ${lines[0]} in\n"
    "        files | directories)\n"
    "            local kind=-f\n"
    "            [ \"${lines[0]}\" = directories ] && kind=-d\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen $kind -- \"$piece\")\n"
    "            return\n"
    "            ;;\n"
    "    esac\n"
    "    for word in \"${lines[@]:1}\"; do\n"
    "        word=${word%%$'\\t'*}\n"
    "        [[ $word == *[=.:] ]] && compopt -o nospace 2>/dev/null\n"
    "        word=${word#\"$before\"}\n"
    "        [ -n \"$quoted\" ] || printf -v word %q \"$word\"\n"
    "        COMPREPLY+=(\"$word\")\n"
    "    done\n"
    "}\n"
    "complete -F _p2psync p2psync\n";

static const char zsh_script[] =
    "#compdef p2psync\n"
    "# Completion of p2psync for zsh, as 'p2psync completion zsh' prints it.\n"
    "_p2psync() {\n"
    "    local -a lines open closed about_open about_closed\n"
    "    local line word\n"
    "    lines=(\"${(@f)$(\"${(Q)words[1]}\" completion words -- \"${(@Q)words[2,CURRENT-1]}\" "
    "\"${(Q)PREFIX}\" 2>/dev/null)}\")\n"
    "    case $lines[1] in\n"
    "        files) _files; return ;;\n"
    "        directories) _files -/; return ;;\n"
    "    esac\n"
    "    for line in \"${(@)lines[2,-1]}\"; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        if [[ $word == *[=.:] ]]; then\n"
    "            open+=(\"$word\") about_open+=(\"$word  ${line#*$'\\t'}\")\n"
    "        else\n"
    "            closed+=(\"$word\") about_closed+=(\"$word  ${line#*$'\\t'}\")\n"
    "        fi\n"
    "    done\n"
    "    compadd -l -d about_closed -a closed\n"
    "    compadd -S '' -l -d about_open -a open\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _p2psync ]; then\n"
    "    _p2psync \"$@\"\n"
    "else\n"
    "    compdef _p2psync p2psync\n"
    "fi\n";

static const char fish_script[] =
    "# Completion of p2psync for fish, as 'p2psync completion fish' prints it.\n"
    "function __p2psync_words\n"
    "    set -l words (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    set -l lines ($words[1] completion words -- $words[2..-1] \"$current\" 2>/dev/null)\n"
    "    switch \"$lines[1]\"\n"
    "        case files\n"
    "            __fish_complete_path \"$current\"\n"
    "        case directories\n"
    "            __fish_complete_directories \"$current\"\n"
    "        case '*'\n"
    "            printf '%s\\n' $lines[2..-1]\n"
    "    end\n"
    "end\n"
    "complete -c p2psync -f -a '(__p2psync_words)'\n";

int cmd_completion(struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    bool words;

    if (!options_only_operands(cli, argc, argv, 1, argc)) {
        return CLI_USAGE;
    }
    words = strcmp(argv[optind], "words") == 0;
    if (words) {
        complete(cli, argc - optind - 1, argv + optind + 1);
        return CLI_DONE;
    }
    if (!options_operands(cli, argc, argv, 1, 1)) {
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(argv[optind], scripts[i].shell) == 0) {
            fputs(scripts[i].script, stdout);
            return CLI_DONE;
        }
    }
    return fail_usage(cli, "there is no script for '%s'; there are bash, zsh and fish",
                      argv[optind]);
}
