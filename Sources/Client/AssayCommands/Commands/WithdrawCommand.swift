import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay withdraw REF`
struct WithdrawCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw",
        abstract: "Say that a version must not be used any more.",
        discussion: """
            It is signed and logged. A withdrawn version is not promoted, no alias goes back to it, and pull warns; \
            with --trust pull refuses it. Its aliases stay where they are: move them by promote or rollback. With \
            --undo it may be used again.

            Example:
              assay withdraw team/fraud:3 --reason "trained on the wrong labels"
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Option(help: ArgumentHelp("Why; it is signed and logged.", valueName: "text"))
    var reason: String

    @Flag(help: "Let the version be used again.")
    var undo = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let request = WithdrawRequest(
            reference: try Reference(parsing: reference), reason: reason, reinstate: undo ? true : nil)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.withdraw(request)
            if isJSON { return try console.print(json: version) }
            try console.print("\(version.reference)  \(version.withdrawn?.text ?? "may be used again")")
            guard version.withdrawn != nil, !version.aliases.isEmpty else { return }
            console.note(
                "aliases that lead to it: \(version.aliasesText); promote another version, or: "
                    + "assay rollback \(version.repository) ALIAS --reason TEXT")
        }
    }
}
