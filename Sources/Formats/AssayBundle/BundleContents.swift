package import AssayArchive
package import AssayDomain

/// What a bundle holds, once all its bytes were hashed and everything in it was found to be called for.
///
/// Who signed what is another question: the documents are there to be checked.
package struct BundleContents: Sendable {
    /// What the bundle says of itself; nil for an archive that another tool wrote.
    package let label: Label?
    package let manifest: Manifest
    /// Evidence about the version, in the bundle's order.
    package let referrers: [Manifest]
    /// The files of the version.
    package let files: [VersionFile]
    /// Every blob besides the manifests, and where its bytes start in the bundle.
    package let blobs: [Blob]

    /// Where a version was exported from. Only a proof of the audit log in the bundle can vouch for it.
    package struct Label: Sendable, Hashable {
        package let repository: RepositoryName
        /// The number that the version had there.
        package let number: VersionNumber
        /// The aliases that pointed to it, if the bundle carries them.
        package let aliases: [AliasName]

        package init(repository: RepositoryName, number: VersionNumber, aliases: [AliasName] = []) {
            self.repository = repository
            self.number = number
            self.aliases = aliases
        }
    }

    /// A blob within the file of a bundle.
    package struct Blob: Sendable, Hashable {
        package let record: BlobRecord
        package let offset: Int64
    }

    /// Where a blob lies; nil if the bundle has none of that digest.
    package func blob(_ digest: Digest) -> Blob? { blobs.first { $0.record.digest == digest } }
}

/// What a bundle may make its reader do.
package struct BundleLimits: Sendable {
    package var tar = TarLimits(membersMax: 20_000)
    /// The bytes of all manifests, which are kept in memory.
    package var manifestBytesMax = 32 << 20

    package init() {}
}

/// The bytes of a bundle, from wherever they lie.
package protocol BundleSource {
    /// The bytes from the start to the end, once.
    func makeInput() -> any ByteInput

    /// Bytes at an offset that were there when the bundle was read through.
    func read(_ count: Int, at offset: Int64) throws -> [UInt8]
}
