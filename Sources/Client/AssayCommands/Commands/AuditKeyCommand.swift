import APIProtocol
import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// `assay audit key`
struct AuditKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Print the keys of the audit logs that the registry trusts, as verifiers of signed notes take them.",
        discussion: """
            One line for each key: the name of its log, the id and the key itself, with plus signs between (C2SP \
            signed-note). With --trust they are those of a file that you have, and nobody is asked.

            Example:
              assay audit key --trust root.json
            """)

    @Option(help: ArgumentHelp("The log's public key, or a trust root with it; may be repeated.", valueName: "file"))
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    /// What `--json` prints of a key.
    private struct Item: Codable, Sendable {
        let id: String
        let origin: String
        let verifierKey: String
    }

    mutating func run() async throws {
        let (isJSON, console) = (options.json, options.console)
        guard trust.isEmpty else { return try Self.show(try TrustFiles.read(trust).keys, console, isJSON: isJSON) }
        try await options.withClient { client in
            try Self.show(try await client.keys().items, console, isJSON: isJSON)
        }
    }

    private static func show(_ keys: [TrustedKey], _ console: Console, isJSON: Bool) throws {
        let items = try keys.filter { $0.role == .log && $0.revokedAt == nil }.map { trusted in
            let key = try Ed25519PublicKey(pem: trusted.pem)
            return Item(id: key.id, origin: Checkpoint.origin(of: key), verifierKey: Checkpoint.verifierKey(of: key))
        }
        guard !items.isEmpty else {
            throw AssayError(
                .keyNotFound, "there is no key of an audit log", remedy: "see the keys with: assay key list")
        }
        if isJSON { return try console.print(json: ListResponse(items: items)) }
        for item in items { try console.print(item.verifierKey) }
    }
}
