package import AssayDomain
import NIOCore
import Synchronization

/// Reads what the files of a version are and what they say of themselves, each time that somebody asks: so it holds for
/// versions of every age, and for what this build knows.
package struct InspectFiles: Sendable {
    /// The most files that are looked into.
    static let filesMax = 2_000
    /// What is read of all of them, in bytes.
    static let bytesMax = 256 << 20

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let inspector: any ModelInspector

    /// Of each file of which there is something to say, in the order of the files. Throws as `Catalog.version`.
    package func callAsFunction(_ reference: Reference) async throws -> [FileInspection] {
        let (_, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        return try await inspect(try evidence.files(of: manifest))
    }

    /// Files that cannot be looked into could be anything, and say so.
    func inspect(_ files: [VersionFile]) async throws -> [FileInspection] {
        let allowance = Allowance(bytes: Self.bytesMax)
        var found: [FileInspection] = []
        for (position, file) in files.enumerated() {
            guard position < Self.filesMax else {
                found.append(Self.opaque(file, "over \(Self.filesMax) files: this one and those behind it"))
                break
            }
            do {
                if let inspection = try await inspect(file, allowance) { found.append(inspection) }
            } catch let error as AssayError where Self.isOfFile(error) {
                found.append(Self.opaque(file, error.message))
            }
        }
        return found
    }

    private func inspect(_ file: VersionFile, _ allowance: Allowance) async throws -> FileInspection? {
        guard let blob = try await blobs.open(file.digest) else {
            return Self.opaque(file, "its bytes are not there")
        }
        return try await inspector.inspect(
            InspectedFile(path: file.path, size: blob.size) { range in
                try allowance.spend(range.count)
                var buffer = ByteBuffer()
                try await blob.read(range, into: &buffer)
                return [UInt8](buffer.readableBytesView)
            })
    }

    private static func isOfFile(_ error: AssayError) -> Bool {
        [.digestMismatch, .blobNotFound, .bodyTooLarge].contains(error.code)
    }

    private static func opaque(_ file: VersionFile, _ reason: String) -> FileInspection {
        var inspection = FileInspection(path: file.path, format: FileInspection.Format.opaque)
        inspection.isOpaque = true
        inspection.notInspected = reason
        return inspection
    }
}

/// What may still be read of a version's files.
private final class Allowance: Sendable {
    private let bytesLeft: Mutex<Int>

    init(bytes: Int) { bytesLeft = Mutex(bytes) }

    func spend(_ count: Int) throws(AssayError) {
        let isAllowed = bytesLeft.withLock { left in
            guard count <= left else { return false }
            left -= count
            return true
        }
        guard isAllowed else {
            throw AssayError(
                .bodyTooLarge, "over \(InspectFiles.bytesMax >> 20) MiB of the version would have to be read")
        }
    }
}
