import AssayCrypto
package import AssayDomain
import AsyncHTTPClient
import NIOHTTP1

/// Bytes to upload, with the digest that they were found to have.
package struct UploadSource: Sendable {
    /// Where the bytes are.
    enum Content: Sendable {
        /// A part of a file, from an offset on.
        case file(LocalFile, start: Int64)
        case bytes([UInt8])
    }

    let content: Content
    package let digest: Digest
    package let size: Int64

    /// A file that was hashed before.
    package init(_ file: LocalFile, digest: Digest) {
        content = .file(file, start: 0)
        self.digest = digest
        size = file.size
    }

    /// A part of a file that was hashed before and lies within it.
    package init(_ file: LocalFile, part: Range<Int64>, digest: Digest) {
        precondition(0 <= part.lowerBound && part.upperBound <= file.size, "a part lies within its file")
        content = .file(file, start: part.lowerBound)
        self.digest = digest
        size = Int64(part.count)
    }

    /// A document in memory.
    package init(_ bytes: [UInt8]) {
        content = .bytes(bytes)
        digest = .sha256(of: bytes)
        size = Int64(bytes.count)
    }
}

extension AssayClient {
    /// Bytes up to here go in the closing request itself; what is larger goes in a piece that can be resumed.
    static let singleRequestBytesMax: Int64 = 4 << 20

    /// Makes sure that the server has a blob, sending nothing if it has it, and gives the number of bytes sent.
    ///
    /// An upload that was cut goes on where the server says it ended, also one of an earlier process that the journal
    /// remembers. Throws `changed-while-reading` if a file is no longer what was hashed, and `digest-mismatch` if the
    /// bytes were damaged on their way. `progress` is told how many bytes the server has been given.
    package func upload(
        _ source: UploadSource, to repository: RepositoryName, journal: UploadJournal = UploadJournal(folder: nil),
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Int64 {
        if try await hasBlob(source.digest, in: repository) {
            progress(source.size)
            return 0
        }
        let upload = BlobUpload(
            client: self, source: source, repository: repository, journal: journal,
            key: UploadJournal.Key(repository: repository, digest: source.digest),
            progress: progress)
        return try await upload.run()
    }

    /// Whether the server has a blob in a repository.
    package func hasBlob(_ digest: Digest, in repository: RepositoryName) async throws -> Bool {
        try await transport.retry.run {
            let response = try await transport.send(transport.request(.HEAD, "/v2/\(repository)/blobs/\(digest)"))
            switch response.status {
            case .ok: return true
            case .notFound: return false
            default: throw await transport.ociError(response, doing: "to look for \(digest)")
            }
        }
    }
}
