package import AssayArchive
package import AssayCrypto
package import AssayDomain

/// What a bundle that passed every check holds.
package struct BundleContents: Sendable {
    /// Where the version was exported from. Like the number it is a label for people, which nothing signs.
    package let repository: RepositoryName
    /// The number that the version had there.
    package let number: VersionNumber
    package let manifest: Manifest
    /// Evidence about the version, in the bundle's order. Only the model signature was checked.
    package let referrers: [Manifest]
    /// The files of the version.
    package let files: [VersionFile]
    /// Every blob besides the manifests, and where its bytes start in the bundle.
    package let blobs: [Blob]
    /// The trusted key that signed the files; nil if the bundle was read without keys.
    package let signer: PublicKey?
    /// Bytes of the version's config and of all evidence.
    package let documents: [Digest: [UInt8]]

    /// A blob within the file of a bundle.
    package struct Blob: Sendable, Hashable {
        package let record: BlobRecord
        package let offset: Int64
    }
}

/// What a bundle may make its reader do.
package struct BundleLimits: Sendable {
    package var tar = TarLimits(membersMax: 20_000)
    /// The bytes of configs and evidence, which are kept in memory, in all.
    package var documentBytesMax = 64 << 20

    package init() {}
}

/// Takes the blobs of a bundle while it is read.
///
/// What it gets is not trusted before the reader returns: the caller commits then, and drops everything on a throw.
package protocol BundleSink: AnyObject {
    /// A blob starts.
    func begin(_ blob: BlobRecord) throws
    /// The next bytes of the blob; the buffer is only borrowed.
    func write(_ bytes: UnsafeRawBufferPointer) throws
    /// The blob has its size, and its bytes hash to its name.
    func end() throws
}
