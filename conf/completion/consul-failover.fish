# Completion of consul-failover(8) for fish: the program knows what there is.

function __consul_failover_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            printf '%s\n' $line
        end
    end
end

complete -c consul-failover -f -a '(__consul_failover_complete)'
