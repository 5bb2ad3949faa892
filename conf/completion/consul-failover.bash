# Completion of consul-failover(8) for bash: the program knows what there is.

_consul_failover()
{
	local line cur=${COMP_WORDS[COMP_CWORD]} words

	COMPREPLY=()
	# As typed: bash has taken HOST:PORT and KEY=VALUE apart.
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	[[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || words+=("")
	while IFS= read -r line; do
		if [ "$line" = :files ]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do
				COMPREPLY+=("$line")
			done < <(compgen -f -- "$cur")
		elif [[ $line == "$cur"* ]]; then
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <("$1" complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _consul_failover consul-failover
