import ArgumentParser

/// The completion script of a shell.
enum CompletionScript {
    /// The parser's script, with what it lacks for the words of this program.
    static func text(for shell: CompletionShell) -> String {
        let script = Root.completionScript(for: shell)
        return shell == .bash ? "\(script)\n\n\(bashWords)" : script
    }

    /// The root of all commands with the options that may stand before their names (see `ArgumentOrder`).
    private struct Root: ParsableCommand {
        static let configuration = Assay.configuration

        @OptionGroup var options: ServerOptions
    }

    /// Readline cuts words at `:`, `=` and `@`, and the parser's script counts what is left of them.
    ///
    /// `COMP_WORDS` is made whole again for it, with the value of `--option=value` as a word of its own. What it gives
    /// loses the begin that readline keeps. Names are no paths: nothing in them is quoted, and no slash follows them.
    private static let bashWords = #"""
        __assay_add_completions() {
            [[ "${1}" != -W ]] || compopt +o filenames 2>/dev/null
            local completion
            while IFS='' read -r completion; do
                COMPREPLY+=("${completion}")
            done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
        }

        __assay_complete() {
            local rest="${COMP_LINE}" begin='' word gap
            local -a words=()
            local -i index last=-1 at=0
            for ((index = 0; index < ${#COMP_WORDS[@]}; index++)); do
                word="${COMP_WORDS[index]}"
                gap="${rest%%[![:space:]]*}"
                rest="${rest#"${gap}"}"
                rest="${rest#"${word}"}"
                if ((last < 1)) || [[ -n "${gap}" || -z "${word}" ]]; then
                    words+=("${word}")
                    last+=1
                    ((index != COMP_CWORD)) || begin="${2}"
                elif [[ "${word}" == '=' && "${words[last]}" == --* ]]; then
                    words+=('')
                    last+=1
                elif [[ "${word}" == [:=@]* || "${words[last]}" == *[:=@] || -z "${words[last]}" ]]; then
                    ((index != COMP_CWORD)) || begin="${words[last]}${2:-${word}}"
                    words[last]+="${word}"
                else
                    words+=("${word}")
                    last+=1
                    ((index != COMP_CWORD)) || begin="${2}"
                fi
                ((index != COMP_CWORD)) || at=last
            done
            words[0]="${words[0]/#\~\//${HOME}/}"
            local -a COMP_WORDS=("${words[@]}")
            local -i COMP_CWORD=at
            _assay "${1}" "${begin}" "${words[at - 1]}"
            local -r kept="${begin%"${2}"}"
            for index in "${!COMPREPLY[@]}"; do
                COMPREPLY[index]="${COMPREPLY[index]#"${kept}"}"
            done
        }

        complete -o filenames -F __assay_complete assay
        """#
}
