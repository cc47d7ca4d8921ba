import AssayArchive
import AssayCrypto
import AssayDomain

/// Reads and checks a bundle, or an OCI archive that another tool wrote.
///
/// One pass over the bytes hashes every member; then the index and the manifests are read from where they lie, so that
/// memory does not grow with the files. The bytes pass if they are a strict tar with exactly the members that its
/// manifests call for, every blob hashes to its name, and every manifest but one speaks of that one. A bundle of ours
/// is in canonical form besides: its members in order, its index byte for byte what would be written again.
package struct BundleReader {
    private struct Member {
        let size: Int64
        let offset: Int64
    }

    private let source: any BundleSource
    private let limits: BundleLimits
    private var members: [String: Member] = [:]
    private var order: [String] = []
    private var manifestBytes = 0

    /// Reads a bundle through. Whose signatures are in it is not looked at.
    ///
    /// Throws `bundle-invalid`, `path-unsafe`, `file-type-refused`, `digest-mismatch`, `too-many-entries`,
    /// `body-too-large`, and what the source fails with.
    package static func read(
        _ source: any BundleSource, limits: BundleLimits = BundleLimits()
    ) throws -> BundleContents {
        var reader = BundleReader(source: source, limits: limits)
        do {
            return try ArchiveFault.translated {
                try reader.scan()
                return try reader.contents()
            }
        } catch let error as AssayError where error.code.kind == .invalid {
            // Whatever a document in a bundle is not, the bundle is not: nobody made a mistake in a command.
            throw AssayError(.bundleInvalid, error.message, reason: error.reason, cause: error)
        }
    }

    private init(source: any BundleSource, limits: BundleLimits) {
        self.source = source
        self.limits = limits
    }

    // MARK: Bytes

    private mutating func scan() throws {
        var tar = TarReader(source.makeInput(), limits: limits.tar)
        while let member = try tar.next() {
            if let digest = try BundleLayout.digest(ofPath: member.path) {
                let hash = StreamingDigest(digest.algorithm)
                try tar.forEachChunk { hash.update($0) }
                guard hash.finalize() == digest else {
                    throw AssayError(
                        .digestMismatch, "\(try fileName(of: digest)) is damaged",
                        reason: "its bytes in the bundle do not hash to \(digest)")
                }
            }
            members[member.path] = Member(size: member.size, offset: member.offset)
            order.append(member.path)
        }
    }

    /// How people call a damaged blob, as far as the bundle told before it; what is no manifest tells nothing.
    private mutating func fileName(of digest: Digest) throws -> String {
        for path in order {
            guard let member = members[path], member.size <= Int64(Manifest.bytesMaxDefault),
                let known = try BundleLayout.digest(ofPath: path),
                let manifest = try? Manifest(
                    parsing: try source.read(Int(member.size), at: member.offset), digest: known, contentType: nil),
                let file = try? ModelPack.files(of: manifest).first(where: { $0.digest == digest })
            else { continue }
            return Printable.quote(file.path)
        }
        return digest.description
    }

    private func bytes(_ path: String, bytesMax: Int, what: String) throws -> [UInt8] {
        guard let member = members[path] else { throw Self.missing(what) }
        guard member.size <= Int64(bytesMax) else {
            throw AssayError(.bodyTooLarge, "\(what) has over \(bytesMax) bytes")
        }
        return try source.read(Int(member.size), at: member.offset)
    }

    // MARK: What it is

    private mutating func contents() throws -> BundleContents {
        guard !order.isEmpty else { throw Self.invalid("the bundle is empty") }
        guard members[BundleLayout.layoutPath] != nil else {
            throw Self.invalid("the file is no bundle", reason: "it holds no OCI image layout")
        }
        try checkLayout(try bytes(BundleLayout.layoutPath, bytesMax: 4_096, what: "the layout"))
        let json = try bytes(BundleLayout.indexPath, bytesMax: Manifest.bytesMaxDefault, what: "the index")
        let index = try Self.index(json)
        let manifests = try index.manifests.map { try manifest($0) }
        let versions = manifests.filter { $0.subject == nil }
        guard let manifest = versions.first else { throw Self.invalid("the bundle holds no version") }
        guard versions.count == 1 else {
            throw Self.invalid("the bundle holds \(versions.count) versions, and nothing says which one is meant")
        }
        let label = try Self.label(of: index)
        let referrers = manifests.filter { $0.subject != nil }
        try BundlePlan.check(manifest, referrers: referrers)
        let blobs = try BundleLayout.blobs(of: [manifest] + referrers)
        try checkMembers(manifests: manifests, blobs: blobs)
        if let label {
            try checkCanonical(
                try BundlePlan(label: label, manifest: manifest, referrers: referrers), index: json)
        }
        return BundleContents(
            label: label, manifest: manifest, referrers: referrers, files: try ModelPack.files(of: manifest),
            blobs: blobs.compactMap { blob in
                members[BundleLayout.path(of: blob.digest)].map { .init(record: blob, offset: $0.offset) }
            })
    }

    private func checkLayout(_ bytes: [UInt8]) throws {
        struct Layout: Decodable { let imageLayoutVersion: String }
        do {
            guard
                try JSON.decodeVerbatim(Layout.self, from: bytes, shape: BundleLayout.layoutShape).imageLayoutVersion
                    == "1.0.0"
            else {
                throw Self.invalid("the bundle is of another layout version")
            }
        } catch let error as AssayError where error.code != .bundleInvalid {
            throw Self.invalid("the bundle's layout cannot be read", reason: error.reason)
        }
    }

    private static func index(_ bytes: [UInt8]) throws -> BundleIndex {
        let index: BundleIndex
        do {
            index = try JSON.decodeVerbatim(BundleIndex.self, from: bytes, shape: ManifestReading.shape)
        } catch {
            throw invalid("the bundle's index cannot be read", reason: (error as? AssayError)?.reason)
        }
        guard index.schemaVersion == 2, index.mediaType.map({ $0 == MediaType.imageIndex }) ?? true else {
            throw invalid("the bundle's index is of another format")
        }
        guard index.manifests.count <= BundlePlan.referrersMax + 1 else {
            throw AssayError(.tooManyEntries, "the bundle lists over \(BundlePlan.referrersMax + 1) manifests")
        }
        guard Set(index.manifests.map(\.digest)).count == index.manifests.count else {
            throw invalid("the bundle's index lists a manifest twice")
        }
        return index
    }

    /// What a bundle of ours says of itself: both annotations or none, on its first manifest alone.
    private static func label(of index: BundleIndex) throws -> BundleContents.Label? {
        let labelled = index.manifests.filter { $0.annotations?[BundleLayout.repository] != nil }
        guard let annotations = labelled.first?.annotations, let name = annotations[BundleLayout.repository] else {
            return nil
        }
        guard labelled.count == 1, let number = annotations[BundleLayout.refName],
            case .number(let number) = try Tag(parsing: number)
        else { throw invalid("the bundle's index names no version") }
        let aliases = try (annotations[BundleLayout.aliases] ?? "").split(separator: " ").map {
            try AliasName(parsing: $0)
        }
        return .init(repository: try RepositoryName(parsing: name), number: number, aliases: aliases)
    }

    private mutating func manifest(_ entry: Descriptor) throws -> Manifest {
        let bytes = try bytes(
            BundleLayout.path(of: entry.digest), bytesMax: limits.manifestBytesMax - manifestBytes,
            what: "the manifest \(entry.digest)")
        manifestBytes += bytes.count
        guard Int64(bytes.count) == entry.size, Digest.of(bytes, algorithm: entry.digest.algorithm) == entry.digest
        else { throw AssayError(.digestMismatch, "the manifest \(entry.digest) has not the size that the index says") }
        return try ManifestReading(bytes, digest: entry.digest, contentType: entry.mediaType).manifest
    }

    // MARK: Exactly what is called for

    private func checkMembers(manifests: [Manifest], blobs: [BlobRecord]) throws {
        var expected: Set<String> = [BundleLayout.layoutPath, BundleLayout.indexPath]
        for manifest in manifests { expected.insert(BundleLayout.path(of: manifest.digest)) }
        for blob in blobs {
            let path = BundleLayout.path(of: blob.digest)
            guard let member = members[path] else { throw Self.missing("\(blob.digest)") }
            guard member.size == blob.size else {
                throw AssayError(
                    .digestMismatch, "\(blob.digest) is damaged",
                    reason: "it has \(member.size) bytes and not \(blob.size)")
            }
            expected.insert(path)
        }
        if let extra = order.first(where: { !expected.contains($0) }) {
            throw Self.invalid("the bundle holds \(Printable.quote(extra)), which nothing in it calls for")
        }
    }

    private func checkCanonical(_ plan: BundlePlan, index: [UInt8]) throws {
        guard try WireJSON.encode(plan.index) == index, order == plan.paths,
            try bytes(BundleLayout.layoutPath, bytesMax: 4_096, what: "the layout") == BundleLayout.layout
        else { throw Self.invalid("the bundle is not in its canonical form") }
    }

    private static func missing(_ name: String) -> AssayError { invalid("\(name) is missing in the bundle") }

    private static func invalid(_ message: String, reason: String? = nil) -> AssayError {
        AssayError(.bundleInvalid, message, reason: reason)
    }
}
