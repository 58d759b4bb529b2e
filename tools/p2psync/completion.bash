# Completion of p2psync for bash. The commands are those of `p2psync help`; a test compares them.

_p2psync() {
    local commands="init run start stop invite join peers devices status doctor now put get list delete
        archive restore history diff revert conflicts resolve collection import export watch config version help"
    local global="-C --directory --json -q --quiet -v --verbose -h --help"
    local node="--listen --interface --no-beacon --beacon-port --peer"
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command="" directory=() word index options=""

    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        case $word in
            -C | --directory)
                directory=(-C "${COMP_WORDS[index + 1]}")
                index=$((index + 1))
                ;;
            -*) ;;
            *)
                command=$word
                break
                ;;
        esac
    done

    case $previous in
        -C | --directory)
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return
            ;;
        --interface)
            mapfile -t COMPREPLY < <(compgen -W "$(command ls /sys/class/net)" -- "$current")
            return
            ;;
    esac

    case $command in
        "" | help) options=$commands ;;
        run | start) options=$node ;;
        init | join) options="--name" ;;
        invite) options="--expires --no-wait" ;;
        peers) options="--watch" ;;
        devices) options="list rename" ;;
        config) options="list get set" ;;
        put) options="--data --unset --note --if-version" ;;
        get) options="--version" ;;
        delete | archive) options="--note --if-version" ;;
        restore) options="--version --note" ;;
        revert) options="--device --since --collection --note --dry-run" ;;
        resolve) options="--take --data --merge --note" ;;
        collection) options="list get set" ;;
        list) options="--prefix --limit --deleted" ;;
        import) options="--id --keep-going" ;;
        export) options="--id" ;;
    esac
    case $command in
        put | get | list | delete | archive | restore | history | diff | import | export | watch | \
            conflicts | resolve | collection)
            if [ "$previous" = "$command" ] && [ "$command" != collection ] ||
                [ "$command" = collection ] && [[ $previous =~ ^(get|set)$ ]]; then
                options+=" $(p2psync "${directory[@]}" --json status 2>/dev/null |
                    grep -o '"collections":.*' | grep -o '"name":"[^"_][^"]*"' | cut -d'"' -f4)"
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options $global" -- "$current")
    case $command in
        import | export) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
    esac
}

complete -F _p2psync p2psync
