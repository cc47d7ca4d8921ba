package import AssayDomain
package import NIOCore

/// Where the bytes are: immutable blobs named by digest, and the uploads that become blobs.
///
/// Rights and repositories are not its business; it never trusts a size or a digest that a caller states.
/// Every method may throw `storage-full` or `storage-failed`; after a failed flush all writes throw `storage-failed`
/// until the process starts anew, because nobody knows what the disk holds.
package protocol BlobStore: Sendable {
    /// Opens an upload session that outlives the process. Bytes are hashed while they come by the algorithm named; a
    /// digest of another one costs a second reading at the end.
    func beginUpload(hashing algorithm: Digest.Algorithm) async throws -> UploadID

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

    /// Appends the rest of a body to a session, turns it into the blob `digest` and returns its size; the blob is
    /// durable before this returns.
    ///
    /// Throws what `append` throws, and `digest-mismatch` if the bytes hash to something else; the session stays, so
    /// that the caller can look at its size or cancel it. A blob that is already there is replaced.
    func finishUpload(
        _ id: UploadID, appending body: some AsyncSequence<ByteBuffer, any Error> & Sendable, at offset: Int64?,
        as digest: Digest
    ) async throws -> Int64

    /// Removes a session and its bytes. Throws `upload-not-found`.
    func cancelUpload(_ id: UploadID) async throws

    /// Removes the sessions that nobody has written to for longer than the store keeps them.
    func reapUploads() async throws

    /// What the sessions hold that are not finished.
    func unfinishedUploads() async throws -> UploadsHeld

    /// Removes the sessions that no request writes to at the moment, however new they are, and gives what they held.
    func dropUploads() async throws -> UploadsHeld

    /// Stores small content that is in memory; durable before this returns; safe to repeat.
    func put(_ bytes: [UInt8], as digest: Digest) async throws

    /// The size of a blob in bytes; nil if it is not there.
    func size(of digest: Digest) async throws -> Int64?

    /// Whether a blob is there, has this size, and all of its bytes are what was written; each of them is read. A
    /// damaged one is not there from then on.
    func isWhole(_ digest: Digest, size: Int64) async throws -> Bool

    /// Opens a blob for reading; nil if it is not there. Throws `digest-mismatch` if it was just found damaged; from
    /// then on it is not there.
    func open(_ digest: Digest) async throws -> (any StoredBlob)?

    /// Lends the path of a local read-only file that holds the blob; it is valid until `body` returns, in this process,
    /// and names the very file whose bytes were proven, whatever is put in its place meanwhile.
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
        guard let blob = try await open(digest) else {
            throw AssayError(.blobNotFound, "blob \(digest) is not there")
        }
        guard blob.size <= bytesMax else {
            throw AssayError(
                .bodyTooLarge, "blob \(digest) has \(blob.size) bytes", reason: "at most \(bytesMax) fit here")
        }
        var buffer = ByteBuffer()
        try await blob.read(0..<blob.size, into: &buffer)
        return [UInt8](buffer.readableBytesView)
    }
}

/// Unfinished uploads, and the space that they take.
package struct UploadsHeld: Sendable, Hashable {
    package let count: Int
    package let bytes: Int64

    package init(count: Int, bytes: Int64) {
        self.count = count
        self.bytes = bytes
    }
}

/// A blob that is open for reading; it stays whole for whoever holds it, also if it is deleted meanwhile.
package protocol StoredBlob: Sendable {
    /// In bytes.
    var size: Int64 { get }

    /// Puts the bytes of a range, which lies within the blob, into a buffer in place of what that holds. As far as the
    /// store is told to check, they are proven. Throws `digest-mismatch` for damaged ones.
    func read(_ range: Range<Int64>, into buffer: inout ByteBuffer) async throws
}

/// A part of a blob in pieces, each read when it is asked for.
package struct BlobStream: AsyncSequence, Sendable {
    package typealias Failure = any Error

    /// The size of a piece, in bytes: large enough that asking costs little, small enough for many streams.
    private static let pieceBytes: Int64 = 512 << 10
    /// The first piece is smaller, so that an answer begins soon.
    private static let firstPieceBytes: Int64 = 64 << 10

    package let blob: any StoredBlob
    package let range: Range<Int64>

    package init(_ blob: any StoredBlob, _ range: Range<Int64>) {
        self.blob = blob
        self.range = range
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let blob: any StoredBlob
        var rest: Range<Int64>
        /// The piece given out last, and the one before it, whose memory is free again by now.
        var last = ByteBuffer()
        var free = ByteBuffer()
        var pieceBytes = BlobStream.firstPieceBytes

        package mutating func next() async throws -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            // Pieces end at multiples of their size, so that no chunk of the store is read for two of them.
            let end = Swift.min(rest.upperBound, (rest.lowerBound / pieceBytes + 1) * pieceBytes)
            swap(&last, &free)
            try await blob.read(rest.lowerBound..<end, into: &last)
            rest = end..<rest.upperBound
            pieceBytes = BlobStream.pieceBytes
            return last
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(blob: blob, rest: range) }
}

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
