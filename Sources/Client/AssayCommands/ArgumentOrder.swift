import ArgumentParser
import AssayDomain

/// Brings arguments into the one order that the parser knows: command words first, then everything else.
///
/// The options of `ServerOptions` may stand before and between the words, as in `assay --store DIR list`. The parser
/// would take them for options of `assay` itself, which has none; so they are moved behind the words that name the
/// command. Nothing else is touched, and nothing behind `--` is ever looked at.
struct ArgumentOrder {
    static let valued = ["--server", "--store", "--token-file"]
    static let flags = ["--json"]

    /// Throws `usage`, with the nearest word, where a word names no command.
    static func arrange(_ arguments: [String], root: any ParsableCommand.Type) throws(AssayError) -> [String] {
        try refuseBundledFlags(arguments)
        var order = ArgumentOrder(rest: arguments[...])
        try order.takeWords(of: root)
        return order.words + order.leading + order.rest
    }

    /// Refuses words such as `-weights.bin`: the parser would look for one-letter flags in them, and find `-h`.
    private static func refuseBundledFlags(_ arguments: [String]) throws(AssayError) {
        let word = arguments.prefix { $0 != "--" }.first { $0.count > 2 && $0.hasPrefix("-") && !$0.hasPrefix("--") }
        guard let word else { return }
        throw AssayError(
            .usage, "\(Printable.quote(word, limit: 60)) is no option",
            remedy: "put names that start with a dash behind --")
    }

    /// Whether a failure is to be told as JSON, even one of the arguments themselves.
    static func wantsJSON(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains("--json")
    }

    private var rest: ArraySlice<String>
    private var leading: [String] = []
    private var words: [String] = []

    private init(rest: ArraySlice<String>) { self.rest = rest }

    private mutating func takeLeadingOptions() {
        while let argument = rest.first {
            let name = String(argument.prefix { $0 != "=" })
            if Self.valued.contains(name) {
                leading.append(rest.removeFirst())
                if !argument.contains("="), let value = rest.popFirst() { leading.append(value) }
            } else if Self.flags.contains(argument) {
                leading.append(rest.removeFirst())
            } else {
                return
            }
        }
    }

    private mutating func takeWords(of root: any ParsableCommand.Type) throws(AssayError) {
        var command = root
        while !command.configuration.subcommands.isEmpty {
            takeLeadingOptions()
            guard let word = rest.first, !word.hasPrefix("-") else { return }
            let subcommands = command.configuration.subcommands
            if word == "help", words.isEmpty { return try Self.check(helpOn: rest.dropFirst(), root) }
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                throw Self.unknown(word, among: subcommands.map { $0._commandName }, after: words)
            }
            words.append(rest.removeFirst())
            command = next
        }
    }

    /// Throws for words behind `help` that name no command.
    private static func check(
        helpOn words: ArraySlice<String>, _ root: any ParsableCommand.Type
    ) throws(AssayError) {
        var (command, path) = (root, [String]())
        for word in words where !word.hasPrefix("-") {
            let subcommands = command.configuration.subcommands
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                throw unknown(word, among: subcommands.map { $0._commandName }, after: path)
            }
            (command, path) = (next, path + [word])
        }
    }

    private static func unknown(_ word: String, among words: [String], after path: [String]) -> AssayError {
        let help = (["assay"] + path + ["--help"]).joined(separator: " ")
        let near = Suggestion.nearest(to: word, among: words).map { "did you mean '\($0)'? " } ?? ""
        return AssayError(
            .usage, "\(Printable.quote(word, limit: 60)) is no command", remedy: "\(near)'\(help)' lists them")
    }
}
