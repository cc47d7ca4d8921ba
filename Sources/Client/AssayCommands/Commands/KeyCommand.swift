import APIProtocol
import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain

/// `assay key generate|trust|list|revoke`
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make signing keys, and say which ones the registry trusts.",
        discussion: """
            Example:
              assay key generate --out release
              assay key trust release.pub.pem
            """,
        subcommands: [KeyGenerateCommand.self, KeyTrustCommand.self, KeyListCommand.self, KeyRevokeCommand.self])
}

/// `assay key generate --out NAME`
struct KeyGenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make an ECDSA P-256 key: NAME.pem for its owner alone, and NAME.pub.pem.",
        discussion: """
            Example:
              assay key generate --out release
            """)

    @Option(help: ArgumentHelp("Where to write, without the ending.", valueName: "name"))
    var out: String

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let id: String
        let privateKey: String
        let publicKey: String
    }

    mutating func run() async throws {
        let key = try PrivateKey.generate()
        let (secret, open) = ("\(out).pem", "\(out).pub.pem")
        let privateFile = try NewFile(creating: secret, isSecret: true)
        let publicFile: NewFile
        do {
            publicFile = try NewFile(creating: open, isSecret: false)
            try privateFile.write(key.pem)
            try publicFile.write(key.publicKey.pem)
        } catch {
            privateFile.remove()
            throw error
        }
        let console = CommandEnvironment.current.console
        if json { return try console.print(json: Outcome(id: key.publicKey.id, privateKey: secret, publicKey: open)) }
        try console.print(
            "key \(key.publicKey.id.prefix(12))", "private: \(Printable.escape(secret)) (keep it to yourself)",
            "public:  \(Printable.escape(open))")
    }
}

/// `assay key trust FILE`
struct KeyTrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Add a public key to those that the registry trusts.",
        discussion: """
            Example:
              assay key trust release.pub.pem --name release-2026
            """)

    @Argument(help: "The public key's file.")
    var file: String

    @Option(help: "How to call it; the file's name if not given.")
    var name: String?

    @Option(help: "What it may sign: release or registry.")
    var role = "release"

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        guard let role = TrustedKey.Role(rawValue: role) else {
            throw AssayError(.usage, "\(Printable.quote(role)) is no role of a key", remedy: "use release or registry")
        }
        guard let key = try Arguments.publicKeys([file]).first else { return }
        let request = TrustKeyRequest(pem: key.pem, name: name ?? Self.name(of: file), role: role)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let trusted = try await client.trust(request)
            if isJSON { return try console.print(json: trusted) }
            try console.print("key \(trusted.id.prefix(12)) is trusted as \(trusted.role.rawValue)")
        }
    }

    /// The last component of a path without the endings of key files.
    static func name(of path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? path
        for ending in [".pem", ".pub"] where name.hasSuffix(ending) && name.count > ending.count {
            name = String(name.dropLast(ending.count))
        }
        return name
    }
}

/// `assay key list`
struct KeyListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the keys that the registry trusts or trusted.",
        discussion: """
            Example:
              assay key list
            """)

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let list = try await client.keys()
            if isJSON { return try console.print(json: list) }
            var table = Table("ID", "NAME", "ROLE", "ADDED", "REVOKED")
            for key in list.items {
                table.add(
                    key.id, key.name, key.role.rawValue, key.addedAt.description, key.revokedAt?.description ?? "-")
            }
            try console.print(table)
        }
    }
}

/// `assay key revoke ID`
struct KeyRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Stop trusting a key, from now on.",
        discussion: """
            Example:
              assay key revoke 3f5a…
            """)

    /// The fewest digits that name a key: as many as other commands print.
    private static let prefixLengthMin = 8

    @Argument(help: "The key's id, or as much of its beginning as other commands print.")
    var id: String

    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let id: String
        let isTrusted: Bool
    }

    mutating func run() async throws {
        let id = id
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let id = try Self.whole(id, among: try await client.keys().items)
            try await client.revokeKey(id)
            if isJSON { return try console.print(json: Outcome(id: id, isTrusted: false)) }
            try console.print("key \(Printable.escape(id.prefix(12))) is no longer trusted")
        }
    }

    /// The one id that begins so. Throws `key-not-found`, and `usage` where several do.
    private static func whole(_ prefix: String, among keys: [TrustedKey]) throws -> String {
        let matches = keys.map(\.id).filter { $0.hasPrefix(prefix) }
        guard prefix.utf8.count >= prefixLengthMin, let id = matches.first else {
            throw AssayError(
                .keyNotFound, "there is no trusted key \(Printable.quote(prefix, limit: 70))",
                remedy: "see the ids with: assay key list")
        }
        guard matches.count == 1 else {
            throw AssayError(.usage, "several keys begin with \(prefix)", remedy: "give more of the id")
        }
        return id
    }
}
