import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// A bundle's file that was read through, with the documents in it at hand.
struct OpenBundle: Sendable {
    /// The most bytes of one document of evidence.
    private static let documentBytesMax = DSSEEnvelope.bytesMax

    let file: LocalFile
    let contents: BundleContents

    /// Reads a bundle through; throws as `BundleReader.read`, and `changed-while-reading`.
    static func open(_ path: String, files: FileAccess) async throws -> OpenBundle {
        let file = try LocalFile(named: path)
        let stop = StopFlag()
        return try await withTaskCancellationHandler {
            try await files.run {
                let contents = try BundleReader.read(FileBundle(file: file, stop: stop))
                try file.checkUnchanged()
                return OpenBundle(file: file, contents: contents)
            }
        } onCancel: {
            stop.set()
        }
    }

    /// The document that a referrer carries; its bytes are proven again. Throws `bundle-invalid`, `body-too-large`.
    func document(of referrer: Manifest) throws -> [UInt8] {
        guard let layer = referrer.layers.first else {
            throw AssayError(.bundleInvalid, "a referrer carries nothing", reason: "\(referrer.digest)")
        }
        return try bytes(of: layer)
    }

    /// A small blob of the bundle; its bytes are proven again. Throws `bundle-invalid`, `body-too-large`.
    func bytes(of layer: Descriptor) throws -> [UInt8] {
        guard let blob = contents.blob(layer.digest) else {
            throw AssayError(.bundleInvalid, "the bundle lacks \(layer.digest)")
        }
        guard blob.record.size <= Int64(Self.documentBytesMax) else {
            throw AssayError(.bodyTooLarge, "a document of evidence has over \(Self.documentBytesMax) bytes")
        }
        let bytes = try FileBundle(file: file, stop: StopFlag()).read(Int(blob.record.size), at: blob.offset)
        guard Digest.of(bytes, algorithm: layer.digest.algorithm) == layer.digest else {
            throw AssayError(.changedWhileReading, "\(Printable.quote(file.path)) changed while it was read")
        }
        return bytes
    }

    /// Where a blob lies in the file.
    func part(of blob: BundleContents.Blob) throws -> Range<Int64> {
        let (end, overflow) = blob.offset.addingReportingOverflow(blob.record.size)
        guard !overflow, blob.offset >= 0, blob.record.size >= 0, end <= file.size else {
            throw AssayError(.bundleInvalid, "a blob lies outside of the bundle")
        }
        return blob.offset..<end
    }
}
