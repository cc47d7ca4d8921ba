/// A place where content of a digest is: a file of a version, its manifest, or something that hangs on it.
package struct ContentPlace: Sendable, Hashable, Codable {
    package enum Role: String, Sendable, Hashable, Codable {
        case file
        /// The document beside the files that says what they are.
        case config
        /// The version's own manifest: the digest is the version's.
        case manifest
        /// Of something attached: a signature, a statement, the manifest that carries it.
        case evidence
        /// Of a manifest that is no version and hangs on none.
        case other
    }

    package let repository: RepositoryName
    /// Nil where it is of no version.
    package let version: VersionNumber?
    /// The digest of the version; of the manifest that names the content where it is of none.
    package let manifestDigest: Digest
    package let role: Role
    /// The file's path; nil for what is no file.
    package let path: String?
    /// The aliases that point to the version now.
    package let aliases: [AliasName]
    /// Those that pointed to it once, and do not now.
    package let earlierAliases: [AliasName]

    package init(
        repository: RepositoryName, version: VersionNumber?, manifestDigest: Digest, role: Role, path: String?,
        aliases: [AliasName], earlierAliases: [AliasName]
    ) {
        self.repository = repository
        self.version = version
        self.manifestDigest = manifestDigest
        self.role = role
        self.path = path
        self.aliases = aliases
        self.earlierAliases = earlierAliases
    }
}
