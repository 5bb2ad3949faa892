#compdef consul-failover
# Completion of consul-failover(8) for zsh: the program knows what there is.

local line
local -a found

for line in "${(@f)$("${(Q)words[1]}" complete -- \
    "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
	if [[ $line == :files ]]; then
		_files
	elif [[ -n $line ]]; then
		found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	fi
done
(( ! $#found )) || _describe consul-failover found
