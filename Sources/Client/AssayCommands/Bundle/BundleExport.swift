import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain
import NIOCore

/// Writes a version and everything attached to it into one file.
struct BundleExport: Sendable {
    let client: AssayClient
    let display: ProgressDisplay

    /// The writer, used by one piece of work at a time.
    ///
    /// `@unchecked Sendable`: every call is awaited before the next one is made, so no two threads use it at once, and
    /// the hand-over between them orders what they do.
    private final class Target: @unchecked Sendable {
        private let writer: BundleWriter

        init(_ plan: BundlePlan, _ draft: DraftFile) throws {
            writer = try BundleWriter(plan, to: DraftOutput(draft))
        }

        func begin(_ blob: BlobRecord) throws { try writer.begin(blob) }
        func write(_ buffer: ByteBuffer) throws { try buffer.withUnsafeReadableBytes { try writer.write($0) } }
        func end() throws { try writer.end() }
        func finish() throws { try writer.finish() }
    }

    /// Writes the bundle beside its final name and gives it that name when it is complete.
    ///
    /// First the registry attaches what can be derived of the version and is missing; where the caller may not have
    /// that done, `note` is told, and the bundle holds what there is. What no reader would take in a bundle stays
    /// behind, and `note` is told: anybody who may push can attach it.
    func export(
        _ reference: Reference, to path: String, isReplacing: Bool, withAliases: Bool, note: (String) -> Void
    ) async throws -> Version {
        let version = try await client.version(reference)
        do {
            _ = try await client.seal(version.reference)
        } catch let error as AssayError where error.code == .permissionDenied {
            note("the bundle may lack its bill of materials and proofs: only pushers can have them made")
        }
        let plan = try await plan(of: version, withAliases: withAliases, note: note)
        let (folder, name) = try Self.place(of: path)
        let draft = try await client.files.run { try folder.newDraft() }
        do {
            try await write(plan, to: draft)
            try await client.files.run { try folder.publish(draft, as: name, replacing: isReplacing) }
        } catch {
            folder.remove(draft.name)
            throw error
        }
        return version
    }

    private func plan(
        of version: Version, withAliases: Bool, note: (String) -> Void
    ) async throws -> BundlePlan {
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        let label = BundleContents.Label(
            repository: version.repository, number: version.number, aliases: withAliases ? version.aliases : [])
        var selection = try BundleSelection(
            label: label, manifest: manifest, root: TrustRoot(keys: try await client.keys().items), client: client)
        let plan = try BundlePlan(label: label, manifest: manifest, referrers: try await selection.run())
        for line in selection.notes { note(line) }
        return plan
    }

    private func write(_ plan: BundlePlan, to draft: DraftFile) async throws {
        let meter = TransferMeter(display, label: "receiving", total: plan.blobs.map(\.size).saturatingSum())
        defer { display.end() }
        let target = try await client.files.run { try Target(plan, draft) }
        for (index, blob) in plan.blobs.enumerated() {
            try await client.files.run { try target.begin(blob) }
            let descriptor = Descriptor(mediaType: MediaType.octetStream, digest: blob.digest, size: blob.size)
            try await client.read(descriptor, from: plan.label.repository) { buffer in
                try await client.files.run { try target.write(buffer) }
                meter.advance(index, by: Int64(buffer.readableBytes))
            }
            try await client.files.run { try target.end() }
        }
        try await client.files.run { try target.finish() }
    }

    /// The folder of a file that is to be written, and its name there. Throws `usage` for a path that names no file.
    static func place(of path: String) throws -> (folder: FolderHandle, name: String) {
        guard let name = path.split(separator: "/", omittingEmptySubsequences: false).last, !name.isEmpty else {
            throw AssayError(.usage, "\(Printable.quote(path)) names no file")
        }
        let folder = path.dropLast(name.count)
        return (try FolderHandle.open(path: folder.isEmpty ? "." : String(folder)), String(name))
    }
}
