/// One file of a version.
package struct VersionFile: Sendable, Hashable {
    /// Relative, with forward slashes; checked to stay within the folder that a pull writes.
    package let path: String
    package let digest: Digest
    package let size: Int64

    package init(path: String, digest: Digest, size: Int64) {
        self.path = path
        self.digest = digest
        self.size = size
    }
}

/// A blob and its size in bytes.
package struct BlobRecord: Sendable, Hashable {
    package let digest: Digest
    package let size: Int64

    package init(digest: Digest, size: Int64) {
        self.digest = digest
        self.size = size
    }
}
