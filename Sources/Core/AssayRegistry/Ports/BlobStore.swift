package import AssayDomain
package import NIOCore

/// Where the bytes are: immutable blobs named by digest, and the uploads that become blobs.
///
/// Rights and repositories are not its business; it never trusts a size or a digest that a caller states.
/// Every method may throw `storage-full` or `storage-failed`; after a failed flush all writes throw `storage-failed`
/// until the process starts anew, because nobody knows what the disk holds.
package protocol BlobStore: Sendable {
    /// Opens an upload session that outlives the process.
    func beginUpload() async throws -> UploadID

    /// How many bytes the session holds durably enough to go on from. Throws `upload-not-found`.
    func uploadedBytes(of id: UploadID) async throws -> Int64

    /// Appends a body to a session and returns the size after it.
    ///
    /// `offset` is where the caller believes the session stands: another value than its size throws
    /// `upload-out-of-order` and changes nothing. A body that ends with an error leaves the bytes that came before it.
    /// One writer at a time: a second one gets `upload-busy`. Throws `upload-not-found`. Memory is constant.
    func append(
        _ body: some AsyncSequence<ByteBuffer, any Error> & Sendable, to id: UploadID, at offset: Int64?
    ) async throws -> Int64

    /// Turns a session into the blob `digest` and returns its size; the blob is durable before this returns.
    ///
    /// Throws `digest-mismatch` if the bytes hash to something else; the session stays, so that the caller can look at
    /// its size or cancel it. A blob that is already there is replaced if it is damaged and otherwise kept.
    func finishUpload(_ id: UploadID, as digest: Digest) async throws -> Int64

    /// Removes a session and its bytes. Throws `upload-not-found`.
    func cancelUpload(_ id: UploadID) async throws

    /// Stores small content that is in memory; durable before this returns; safe to repeat.
    func put(_ bytes: [UInt8], as digest: Digest) async throws

    /// The size of a blob in bytes; nil if it is not there.
    func size(of digest: Digest) async throws -> Int64?

    /// A blob's bytes from `range.lowerBound` up to `range.upperBound`, read as they are asked for.
    ///
    /// Throws `blob-not-found`. A range beyond the blob's end is a bug of the caller.
    func read(_ digest: Digest, range: Range<Int64>) async throws -> BlobStream

    /// Lends the path of a local read-only file that holds the blob; it is valid until `body` returns.
    func withLocalFile<Result: Sendable>(
        of digest: Digest, _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result

    /// Whether the store takes writes; false after a failed flush.
    var isWritable: Bool { get }
}

extension BlobStore {
    /// A whole blob of at most `bytesMax` bytes. Throws `blob-not-found`, `body-too-large`, `digest-mismatch` never:
    /// the caller that needs proof hashes what it got.
    package func content(of digest: Digest, bytesMax: Int64) async throws -> [UInt8] {
        guard let size = try await size(of: digest) else {
            throw AssayError(.blobNotFound, "blob \(digest) is not there")
        }
        guard size <= bytesMax else {
            throw AssayError(.bodyTooLarge, "blob \(digest) has \(size) bytes", reason: "at most \(bytesMax) fit here")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size))
        for try await chunk in try await read(digest, range: 0..<size) {
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }
}

/// The chunks of a blob, in order.
package typealias BlobStream = any AsyncSequence<ByteBuffer, any Error> & Sendable

/// The name of an upload session: 32 lower-case hex digits.
package struct UploadID: Sendable, Hashable, CustomStringConvertible {
    package static let length = 32

    package let text: String

    /// Throws `upload-not-found`: a malformed id names nothing.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy(\.isLowerHexDigit) else {
            throw AssayError(.uploadNotFound, "there is no upload \(Printable.quote(text, limit: 40))")
        }
        self.text = String(text)
    }

    package init(bits: (UInt64, UInt64)) {
        text = Hex.encode(
            [bits.0, bits.1].flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } })
    }

    package var description: String { text }
}
