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

extension VersionFile {
    /// Paths are equal if their bytes are.
    package static func == (left: VersionFile, right: VersionFile) -> Bool {
        left.digest == right.digest && left.size == right.size && left.path.isExactly(right.path)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
        hasher.combine(size)
        hasher.combine(ExactText(path))
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
