import ArgumentParser
import Testing

@testable import AssayCommands

struct HelpTests {
    /// Every command with the words that call it.
    private static let commands = all(of: Assay.self, after: ["assay"])

    private static func all(
        of command: any ParsableCommand.Type, after words: [String]
    ) -> [(words: [String], command: any ParsableCommand.Type)] {
        [(words, command)]
            + command.configuration.subcommands.flatMap { all(of: $0, after: words + [$0._commandName]) }
    }

    /// The lines of a command's examples, as its source has them.
    private static func examples(of command: any ParsableCommand.Type) -> [String] {
        let lines = command.configuration.discussion.split(separator: "\n").map(String.init)
        guard let head = lines.firstIndex(of: "Example:") else { return [] }
        return Array(lines[(head + 1)...])
    }

    @Test func `every command has an example of itself`() {
        for (words, command) in Self.commands where words.count > 1 {
            let begin = "  " + words.joined(separator: " ")
            #expect(
                Self.examples(of: command).contains { $0 == begin || $0.hasPrefix(begin + " ") }
                    || !command.configuration.subcommands.isEmpty, "\(words)")
        }
    }

    @Test(arguments: [80, 100, 200])
    func `every line of an example is whole in the help`(width: Int) {
        for (words, command) in Self.commands {
            let help = Assay.helpMessage(for: command, columns: width).split(separator: "\n").map(String.init)
            for line in Self.examples(of: command) {
                #expect(help.contains(line), "\(words): \(line)")
            }
        }
    }

    /// A line that goes on ends in a backslash, so that what is copied is one command.
    @Test func `examples are commands or what goes on with one`() {
        for (words, command) in Self.commands {
            var goesOn = false
            for line in Self.examples(of: command) {
                #expect(line.hasPrefix(goesOn ? "    --" : "  assay "), "\(words): \(line)")
                goesOn = line.hasSuffix(" \\")
            }
            #expect(!goesOn, "\(words)")
        }
    }

    @Test func `commands stand in groups`() {
        #expect(Assay.configuration.ungroupedSubcommands.isEmpty)
        for group in Assay.configuration.groupedSubcommands { #expect(!group.subcommands.isEmpty) }
    }

    @Test func `what is acted on comes first, then the alias, then options`() async {
        let order = ["<repository>", "<reference>", "<alias>"]
        for (words, command) in Self.commands where command.configuration.subcommands.isEmpty {
            let captured = Captured()
            #expect(await captured.run(Array(words.dropFirst()) + ["--help"]) == 0)
            let lines = captured.output.split(separator: "\n", omittingEmptySubsequences: false)
            let usage = lines.drop { !$0.hasPrefix("USAGE: ") }.prefix { !$0.isEmpty }.joined(separator: " ")
            let parts = usage.split(separator: " ").dropFirst(1 + words.count)
            let named = parts.prefix { !$0.hasPrefix("--") && !$0.hasPrefix("[-") && $0 != "[<options>]" }
            let places = named.compactMap { part in order.firstIndex(of: String(part.filter { !"[]".contains($0) })) }
            #expect(places == places.sorted() && places.first ?? 0 < 2, "\(usage)")
            let options = parts.dropFirst(named.count)
            #expect(
                !options.contains { $0.hasPrefix("<") && order.contains(String($0)) },
                "\(usage)")
        }
    }
}
