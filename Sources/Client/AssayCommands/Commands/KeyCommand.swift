import APIProtocol
import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain

/// `assay key generate|trust|list|limit|revoke|rotate|export`
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Make signing keys, and say which ones the registry trusts.",
        discussion: """
            Example:
              assay key generate --out release
              assay key trust release.pub.pem
              assay key export -o root.json
            """,
        subcommands: [
            KeyGenerateCommand.self, KeyTrustCommand.self, KeyListCommand.self, KeyLimitCommand.self,
            KeyRevokeCommand.self, KeyRotateCommand.self, KeyExportCommand.self,
        ])
}

/// `assay key generate --out NAME`
struct KeyGenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make an ECDSA key: NAME.pem for its owner alone, and NAME.pub.pem.",
        discussion: """
            Example:
              assay key generate --out release
            """)

    @Option(help: ArgumentHelp("Where to write, without the ending.", valueName: "name"), completion: .file())
    var out: String

    @Option(help: "P-256, P-384 or P-521.", completion: .values(of: Curve.self))
    var curve = Curve.p256.rawValue

    @Option(
        help: ArgumentHelp("Encrypt the private key with the passphrase in this file.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    @Flag(help: "Print one JSON document, errors included.")
    var json = false

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let id: String
        let privateKey: String
        let publicKey: String
    }

    mutating func run() async throws {
        guard let curve = Curve(rawValue: curve) else {
            throw AssayError(
                .usage, "\(Printable.quote(curve, limit: 20)) is no curve for signing models",
                remedy: "use P-256, P-384 or P-521")
        }
        let key = try PrivateKey.generate(curve)
        let text = try passphraseFile.map { try key.encryptedPEM(passphrase: Passphrase.read($0)) } ?? key.pem
        let (secret, open) = ("\(out).pem", "\(out).pub.pem")
        let privateFile = try NewFile(creating: secret, isSecret: true)
        let publicFile: NewFile
        do {
            publicFile = try NewFile(creating: open, isSecret: false)
            try privateFile.write(text)
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
        abstract: "Add a public key, or the certificate of an authority, to what the registry trusts.",
        discussion: """
            Example:
              assay key trust release.pub.pem --name release-2026 \\
                --repository 'team/*' --until 2027-01-01
            """)

    @Argument(help: "The file of a public key, or of a root certificate.", completion: .file())
    var file: String

    @Option(help: "How to call it; the file's name if not given.")
    var name: String?

    @Option(
        help: "What it may sign: release, training, registry, evaluation or log.",
        completion: .values(of: TrustedKey.Role.self))
    var role = "release"

    @Option(
        name: .customLong("repository"),
        help: ArgumentHelp(
            "Where it may speak: a repository, NAME/* or *; may be repeated. Everywhere if not given.",
            valueName: "pattern"), completion: .repository)
    var repositories: [String] = []

    @Option(help: ArgumentHelp("From when on it counts.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Until when it counts.", valueName: "time"))
    var until: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        guard let role = TrustedKey.Role(rawValue: role) else {
            throw AssayError(
                .usage, "\(Printable.quote(role)) is no role of a key",
                remedy: "use release, training, registry, evaluation or log")
        }
        let patterns = try repositories.map { try RepositoryPattern(parsing: $0) }
        let request = TrustKeyRequest(
            pem: try Self.checkedPEM(file, role: role), name: name ?? Self.name(of: file), role: role,
            repositories: patterns.isEmpty ? nil : patterns, validFrom: try Arguments.time(from, option: "from"),
            validUntil: try Arguments.time(until, option: "until"))
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let trusted = try await client.trust(request)
            if isJSON { return try console.print(json: trusted) }
            try console.print("key \(trusted.id.prefix(12)) is trusted as \(trusted.role.rawValue)")
        }
    }

    /// The key or certificate in a file, found here to be one that can be trusted: nothing else of the file is sent,
    /// and of a file with a private key nothing at all. Throws `key-invalid`.
    private static func checkedPEM(_ file: String, role: TrustedKey.Role) throws -> String {
        let bytes = try InputFile.read(file, bytesMax: Certificate.bytesMax)
        return try TrustAnchor.identity(ofPEM: String(decoding: bytes, as: UTF8.self), role: role).pem
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
            var table = Table("ID", "NAME", "ROLE", "FOR", "FROM", "UNTIL", "REVOKED")
            for key in list.items {
                table.add(
                    key.id, key.name, key.role.rawValue,
                    key.repositories?.map(\.description).joined(separator: " ") ?? "*",
                    key.validFrom?.description ?? "-", key.validUntil?.description ?? "-",
                    key.revokedAt?.description ?? "-")
            }
            try console.print(table)
        }
    }
}

/// `assay key limit ID`
struct KeyLimitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit",
        abstract: "Set from when and until when a key counts; what is not given is taken away.",
        discussion: """
            One key follows another: trust the new one, and let the old one end. What it signed until then still \
            counts for the registry, which knows when it came.

            Example:
              assay key limit 3f5a01c2 --until 2027-01-01
            """)

    @Argument(help: "The key's id, or as much of its beginning as other commands print.")
    var id: String

    @Option(help: ArgumentHelp("From when on it counts.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Until when it counts.", valueName: "time"))
    var until: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let id = id
        let request = LimitKeyRequest(
            validFrom: try Arguments.time(from, option: "from"), validUntil: try Arguments.time(until, option: "until"))
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let key = try await client.limitKey(
                KeyPrefix.whole(id, among: try await client.keys().items), request)
            if isJSON { return try console.print(json: key) }
            try console.print("key \(key.id.prefix(12)) counts \(Self.whenItCounts(key))")
        }
    }

    /// `until 2027-01-01T00:00:00.000Z`; a revoked key has limits too, and they change nothing.
    private static func whenItCounts(_ key: TrustedKey) -> String {
        if let revokedAt = key.revokedAt { return "never: it was revoked as of \(revokedAt)" }
        let limits = [key.validFrom.map { "from \($0)" }, key.validUntil.map { "until \($0)" }].compactMap(\.self)
        return limits.isEmpty ? "always" : limits.joined(separator: " ")
    }
}

/// `assay key revoke ID`
struct KeyRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Stop trusting a key: nothing that it signed counts any more.",
        discussion: """
            Example:
              assay key revoke 3f5a01c2 --since 2026-11-01
            """)

    @Argument(help: "The key's id, or as much of its beginning as other commands print.")
    var id: String

    @Option(help: ArgumentHelp("The date from which on it may have been misused; now if not given.", valueName: "time"))
    var since: String?

    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let id: String
        let isTrusted: Bool
    }

    mutating func run() async throws {
        let (id, since) = (id, try Arguments.time(since, option: "since"))
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let id = try KeyPrefix.whole(id, among: try await client.keys().items)
            try await client.revokeKey(id, since: since)
            if isJSON { return try console.print(json: Outcome(id: id, isTrusted: false)) }
            try console.print("key \(Printable.escape(id.prefix(12))) is no longer trusted")
        }
    }
}

/// `assay key export`
struct KeyExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the trust root of a registry, to check offline what comes from it.",
        discussion: """
            Whoever uses the file trusts what the registry trusted when it was written, so hand it on by a way that \
            you trust.

            Example:
              assay key export -o root.json
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("A new file to write it to.", valueName: "file"), completion: .file())
    var output: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let (output, console) = (output, options.console)
        try await options.withClient { client in
            let root = TrustRoot(keys: try await client.keys().items)
            guard let output else { return try console.print(json: root) }
            try console.put(try JSON.pretty(root) + "\n", in: output)
        }
    }
}

/// Names of keys by the beginning of their ids.
private enum KeyPrefix {
    /// The fewest digits that name a key: as many as other commands print.
    private static let lengthMin = 8

    /// The one id that begins so. Throws `key-not-found`, and `usage` where several do.
    static func whole(_ prefix: String, among keys: [TrustedKey]) throws -> String {
        let matches = keys.map(\.id).filter { $0.hasPrefix(prefix) }
        guard prefix.utf8.count >= lengthMin, let id = matches.first else {
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
