import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain

/// `assay find sha256:…|FILE`
struct FindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find",
        abstract: "Find content in all repositories, by its digest or by a file that holds it.",
        discussion: """
            Prints NAME:N and the path, one a line, and behind them the aliases that point there and those that once \
            did. The digest is what sha256sum prints. Nothing found ends with exit status 3.

            Example:
              assay find ./running/model.onnx
              assay find 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
            """)

    @Argument(help: "A digest, sha256:… or its hex digits alone, or a file.", completion: .file())
    var content: String

    @Option(help: "The most lines.")
    var limit = 1_000

    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let digest: Digest
        let items: [ContentPlace]
        let next: String?
    }

    mutating func run() async throws {
        let (content, limit, isJSON, console) = (content, limit, options.json, options.console)
        guard limit > 0 else { throw AssayError(.usage, "--limit is not above 0", remedy: "give 1 or more") }
        let named = ContentFinder.digest(in: content)
        try await options.withClient { client in
            let digest = if let named { named } else { try await ContentFinder.hash(content, client: client) }
            let list = try await ContentFinder(client: client).places(of: digest, limit: limit)
            guard !list.items.isEmpty else {
                throw AssayError(
                    .versionNotFound, "nothing here has the digest \(digest)",
                    remedy: "push it, or ask the registry that it came from")
            }
            if isJSON { return try console.print(json: Outcome(digest: digest, items: list.items, next: list.next)) }
            for place in list.items { try console.print(ContentFinder.line(of: place)) }
            console.noteIfCut(list)
        }
    }
}

/// Asks where content is, and believes nothing of the answer that its manifests do not say.
struct ContentFinder: Sendable {
    let client: AssayClient

    /// The digest that a text is: with its algorithm, or the 64 hex digits that `sha256sum` prints.
    static func digest(in text: String) -> Digest? {
        let isBare = text.utf8.count == 64 && text.utf8.allSatisfy { $0.isDecimalDigit || (0x61...0x66).contains($0) }
        return try? Digest(parsing: isBare ? "sha256:\(text)" : text)  // What is none names a file.
    }

    /// The digest of a file that the caller names.
    static func hash(_ path: String, client: AssayClient) async throws -> Digest {
        let file: LocalFile
        do {
            file = try await client.files.run { try LocalFile(named: path) }
        } catch let error as AssayError where error.code == .fileNotFound {
            throw AssayError(
                error.code, "\(Printable.quote(path)) is no digest, and there is no file of that name",
                remedy: "name a file, or a digest as sha256sum prints it", cause: error)
        }
        return try await client.files.hash(file)
    }

    /// The places of content. Throws `answer-mismatch` for a version that does not have it.
    func places(of digest: Digest, limit: Int) async throws -> ListResponse<ContentPlace> {
        let list = try await Pages.collect(limit: limit) { after, limit in
            try await client.places(of: digest, after: after, limit: limit)
        }
        var known: [String: [VersionFile]] = [:]
        for place in list.items where place.role == .file {
            let key = "\(place.repository)@\(place.manifestDigest)"
            let files: [VersionFile]
            if let read = known[key] {
                files = read
            } else {
                let manifest = try await client.manifest(place.manifestDigest, in: place.repository)
                files = try ModelPack.files(of: manifest)
                known[key] = files
            }
            guard let path = place.path, files.contains(where: { $0.path.isExactly(path) && $0.digest == digest })
            else {
                throw AssayError(
                    .answerMismatch, "the server named \(key) as a place of \(digest), which it is not",
                    remedy: "do not trust this server, or what is between")
            }
        }
        return list
    }

    /// `digits:3  model.onnx  [production; earlier: candidate]`
    static func line(of place: ContentPlace) -> String {
        let name = place.version.map { "\(place.repository):\($0)" } ?? "\(place.repository)@\(place.manifestDigest)"
        let path = place.path.map { Printable.escape($0, limit: 1_100) } ?? "(\(place.role.rawValue))"
        var names = place.aliases.map(\.text).joined(separator: ", ")
        if !place.earlierAliases.isEmpty {
            names +=
                (names.isEmpty ? "" : "; ") + "earlier: "
                + place.earlierAliases.map(\.text).joined(separator: ", ")
        }
        return "\(name)  \(path)" + (names.isEmpty ? "" : "  [\(names)]")
    }
}
