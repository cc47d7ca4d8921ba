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
    /// that done, `note` is told, and the bundle holds what there is. Evidence that is damaged or falsely signed stays
    /// behind, and `note` is told: with it nobody would take the bundle.
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
        let check = try EvidenceCheck(
            repository: version.repository, manifest: manifest, root: TrustRoot(keys: try await client.keys().items),
            time: .now)
        var referrers: [Manifest] = []
        let attached = try await client.referrerManifests(
            of: version.manifestDigest, in: version.repository, countMax: BundlePlan.referrersMax + 1)
        for referrer in attached {
            if let fault = try await fault(of: referrer, in: version.repository, check) {
                note("\(referrer.digest.short) stays behind: \(fault)")
            } else {
                referrers.append(referrer)
            }
        }
        return try BundlePlan(
            label: .init(
                repository: version.repository, number: version.number, aliases: withAliases ? version.aliases : []),
            manifest: manifest, referrers: referrers)
    }

    /// Why evidence is not valid, whoever is trusted; nil if it is, or if the referrer is no evidence.
    private func fault(
        of referrer: Manifest, in repository: RepositoryName, _ check: EvidenceCheck
    ) async throws -> String? {
        guard (try? ManifestReading(referrer)) != nil else { return "clients could read it in several ways" }
        guard let type = referrer.evidenceType, let layer = referrer.layers.first else { return nil }
        guard layer.size <= Int64(DSSEEnvelope.bytesMax) else { return "it has over \(DSSEEnvelope.bytesMax) bytes" }
        let bytes = try await client.content(of: layer.digest, in: repository, bytesMax: DSSEEnvelope.bytesMax)
        let checked = check.check(bytes, artifactType: type, manifestDigest: referrer.digest)
        return checked.status == .invalid ? checked.fault : nil
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

    private static func place(of path: String) throws -> (folder: FolderHandle, name: String) {
        guard let name = path.split(separator: "/", omittingEmptySubsequences: false).last, !name.isEmpty else {
            throw AssayError(.usage, "\(Printable.quote(path)) names no file")
        }
        let folder = path.dropLast(name.count)
        return (try FolderHandle.open(path: folder.isEmpty ? "." : String(folder)), String(name))
    }
}
