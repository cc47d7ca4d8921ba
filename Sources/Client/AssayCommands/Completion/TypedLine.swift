import ArgumentParser
import AssayDomain

/// What somebody has typed so far, as far as completions look at it: nothing in it is ever run.
struct TypedLine: Sendable {
    /// The word that is completed, as far as it goes.
    let typed: String
    /// All others behind the name of the program.
    private let words: [String]

    /// Takes a shell's words as they were typed, the program's name first; `index` is that of the word to complete.
    init(_ words: [String], index: Int) {
        var plain = words.map(Self.unquoted)
        typed = plain.indices.contains(index) ? plain.remove(at: index) : ""
        self.words = Array(plain.dropFirst())
    }

    /// Which registry the line names. Throws if it does so wrongly.
    func options() throws -> ServerOptions {
        var given: [String] = []
        for (index, word) in words.enumerated() {
            for name in ArgumentOrder.valued {
                if word.hasPrefix("\(name)=") {
                    given.append(word)
                } else if word == name, index + 1 < words.count {
                    given += [name, words[index + 1]]
                }
            }
        }
        return try ServerOptions.parse(given)
    }

    /// The repository that a name or a version names, the first behind the words of the command.
    ///
    /// What stands behind an option may be its value, so a name that does not is taken before one that does.
    var repository: RepositoryName? {
        let rest = argumentWords
        var second: RepositoryName?
        for index in rest.indices where !rest[index].hasPrefix("-") {
            guard let name = Self.repository(in: rest[index]) else { continue }
            let former = index > rest.startIndex ? rest[index - 1] : ""
            let isOptions = former.hasPrefix("-") && !former.contains("=") && !ArgumentOrder.flags.contains(former)
            guard isOptions else { return name }
            second = second ?? name
        }
        return second
    }

    /// The words behind those that name the command.
    private var argumentWords: ArraySlice<String> {
        var command: any ParsableCommand.Type = Assay.self
        var rest = words[...]
        for (index, word) in words.enumerated() {
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == word }) else {
                continue
            }
            command = next
            rest = words[(index + 1)...]
        }
        return rest
    }

    private static func repository(in word: String) -> RepositoryName? {
        // Words that name none are passed over.
        (try? Reference(parsing: word).repository) ?? (try? RepositoryName(parsing: word))
    }

    /// A word without the quotes that a shell would take away, `~` at its begin resolved; nothing else is.
    private static func unquoted(_ word: String) -> String {
        var text = ""
        var quote: Character?
        var isEscaped = false
        for character in word {
            if isEscaped {
                text.append(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
            } else {
                text.append(character)
            }
        }
        guard word.hasPrefix("~/"), let home = CommandEnvironment.current.variables["HOME"] else { return text }
        return home + text.dropFirst()
    }
}
