import ArgumentParser
import AssayClient
import AssayDomain

/// `assay delete REF`
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a version that nothing needs any more.",
        discussion: """
            Its aliases go with it; the history keeps them, and the number is never given again. A version is kept \
            where a protected alias points to it, another one came from it, or a policy measures with it.

            Example:
              assay delete team/fraud:3
            """)

    @Argument(help: "A version: NAME:3 or NAME@sha256:….", completion: .reference)
    var reference: String

    @OptionGroup var options: ServerOptions

    /// What `--json` prints: the version that went, and the aliases that went with it.
    private struct Outcome: Encodable {
        let repository: RepositoryName
        let number: VersionNumber
        let manifestDigest: Digest
        let removedAliases: [AliasName]

        init(_ version: Version) {
            repository = version.repository
            number = version.number
            manifestDigest = version.manifestDigest
            removedAliases = version.aliases
        }
    }

    mutating func run() async throws {
        let reference = try Self.exact(reference)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            try await client.deleteVersion(reference)
            if isJSON { return try console.print(json: Outcome(version)) }
            try console.print("\(version.reference) (\(version.manifestDigest)) is deleted")
            for alias in version.aliases { try console.print("alias \(version.repository):\(alias) is removed") }
        }
    }

    /// A reference that cannot move. Throws `usage` for an alias.
    private static func exact(_ text: String) throws(AssayError) -> Reference {
        let reference = try Reference(parsing: text)
        guard case .tag(.alias(let alias)) = reference.selector else { return reference }
        throw AssayError(
            .usage, "\(reference) is an alias, not a version",
            remedy: "name the version by its number, or run: assay alias remove \(reference.repository) \(alias)")
    }
}
