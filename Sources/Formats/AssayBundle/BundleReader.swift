package import AssayArchive
package import AssayCrypto
import AssayDomain

/// Reads and checks a bundle in one pass over its bytes.
///
/// A bundle passes if it is a strict tar with exactly the members that its manifests call for, in order; every blob
/// hashes to its name; every manifest but the first speaks of the first; and a trusted key signed exactly its files.
package struct BundleReader {
    private var tar: TarReader
    private let limits: BundleLimits
    private let sink: (any BundleSink)?
    private var documents: [Digest: [UInt8]] = [:]
    private var documentBytes: Int64 = 0

    /// Checks a bundle against trusted keys and hands its blobs to the sink, if there is one.
    ///
    /// Without keys everything is checked but who signed it, and the contents name no signer.
    /// Throws `bundle-invalid`, `path-unsafe`, `file-type-refused`, `digest-mismatch`, `unsigned`, `untrusted-key`,
    /// `signature-invalid`, `too-many-entries`, `body-too-large`, and what the input or the sink fail with.
    package static func read(
        _ input: any ByteInput, trusted: [PublicKey]?, sink: (any BundleSink)? = nil,
        limits: BundleLimits = BundleLimits()
    ) throws -> BundleContents {
        var reader = BundleReader(input, sink: sink, limits: limits)
        return try ArchiveFault.translated { try reader.read(trusted: trusted) }
    }

    private init(_ input: any ByteInput, sink: (any BundleSink)?, limits: BundleLimits) {
        tar = TarReader(input, limits: limits.tar)
        self.sink = sink
        self.limits = limits
    }

    private mutating func read(trusted: [PublicKey]?) throws -> BundleContents {
        let heading = try readHeading()
        let manifests = try heading.entries.map { try readManifest($0) }
        guard let manifest = manifests.first else { throw Self.invalid("the bundle holds no version") }
        let plan = try BundlePlan(
            repository: heading.repository, number: heading.number, manifest: manifest,
            referrers: Array(manifests.dropFirst()))
        guard plan.index.manifests == heading.entries else {
            throw Self.invalid("the bundle's index is not in its canonical form")
        }
        let files = try ModelPack.files(of: manifest)
        let blobs = try readBlobs(plan, files: files)
        if let extra = try tar.next() { throw Self.unexpected(extra) }
        return BundleContents(
            repository: plan.repository, number: plan.number, manifest: manifest, referrers: plan.referrers,
            files: files, blobs: blobs, signer: try trusted.map { try signer(plan, files: files, trusted: $0) },
            documents: documents)
    }

    // MARK: Layout and index

    private struct Heading {
        let repository: RepositoryName
        let number: VersionNumber
        let entries: [Descriptor]
    }

    private mutating func readHeading() throws -> Heading {
        guard let first = try tar.next() else { throw Self.invalid("the bundle is empty") }
        guard first.path == BundleLayout.layoutPath, first.size == Int64(BundleLayout.layout.count),
            try tar.readContent(bytesMax: BundleLayout.layout.count) == BundleLayout.layout
        else { throw Self.invalid("the file is no bundle", reason: "it does not start with an OCI layout 1.0.0") }
        guard let member = try tar.next(), member.path == BundleLayout.indexPath else {
            throw Self.invalid("the bundle has no index")
        }
        return try Self.heading(try tar.readContent(bytesMax: Manifest.bytesMax))
    }

    private static func heading(_ bytes: [UInt8]) throws -> Heading {
        let index: BundleIndex
        do {
            index = try JSON.decodeVerbatim(BundleIndex.self, from: bytes)
        } catch {
            throw invalid("the bundle's index cannot be read", reason: (error as? AssayError)?.reason)
        }
        guard index.schemaVersion == 2, index.mediaType == MediaType.imageIndex else {
            throw invalid("the bundle's index is of another format")
        }
        guard index.manifests.count <= BundlePlan.referrersMax + 1 else {
            throw AssayError(.tooManyEntries, "the bundle lists over \(BundlePlan.referrersMax + 1) manifests")
        }
        guard let annotations = index.manifests.first?.annotations,
            let number = annotations[BundleLayout.refName], let name = annotations[BundleLayout.repository],
            case .number(let number) = try Tag(parsing: number)
        else { throw invalid("the bundle's index names no version") }
        return Heading(repository: try RepositoryName(parsing: name), number: number, entries: index.manifests)
    }

    private mutating func readManifest(_ entry: Descriptor) throws -> Manifest {
        let member = try expectedMember(entry.digest, size: entry.size, name: "the manifest \(entry.digest)")
        let bytes = try tar.readContent(bytesMax: Manifest.bytesMax)
        guard Digest.of(bytes, algorithm: entry.digest.algorithm) == entry.digest else {
            throw AssayError(.digestMismatch, "\(member.path) does not hash to its name")
        }
        return try Manifest(parsing: bytes, digest: entry.digest, contentType: entry.mediaType)
    }

    // MARK: Blobs

    private mutating func readBlobs(_ plan: BundlePlan, files: [VersionFile]) throws -> [BundleContents.Blob] {
        var names: [Digest: String] = [:]
        for file in files { names[file.digest] = Printable.quote(file.path) }
        var kept = Set(plan.referrers.flatMap(\.requiredBlobs).map(\.digest))
        if let config = plan.manifest.config { kept.insert(config.digest) }
        return try plan.blobs.map { blob in
            let name = names[blob.digest] ?? blob.digest.description
            let member = try expectedMember(blob.digest, size: blob.size, name: name)
            try readBlob(blob, name: name, isDocument: kept.contains(blob.digest))
            return BundleContents.Blob(record: blob, offset: member.offset)
        }
    }

    private mutating func readBlob(_ blob: BlobRecord, name: String, isDocument: Bool) throws {
        if isDocument {
            guard blob.size <= Int64(limits.documentBytesMax) - documentBytes else {
                throw AssayError(.bodyTooLarge, "the bundle's evidence is over \(limits.documentBytesMax) bytes")
            }
            documentBytes += blob.size
        }
        let digest = StreamingDigest(blob.digest.algorithm)
        var document: [UInt8] = []
        try sink?.begin(blob)
        try tar.forEachChunk { [sink] bytes in
            digest.update(bytes)
            if isDocument { document.append(contentsOf: bytes) }
            try sink?.write(bytes)
        }
        guard digest.finalize() == blob.digest else {
            throw AssayError(
                .digestMismatch, "\(name) is damaged", reason: "its bytes in the bundle do not hash to \(blob.digest)")
        }
        try sink?.end()
        if isDocument { documents[blob.digest] = document }
    }

    /// The next member, which must be this blob.
    private mutating func expectedMember(_ digest: Digest, size: Int64, name: String) throws -> TarMember {
        guard let member = try tar.next() else { throw Self.missing(name) }
        let path = BundleLayout.path(of: digest)
        guard member.path == path else {
            // Members are in order, so a later name means that this one is absent.
            throw member.path > path ? Self.missing(name) : Self.unexpected(member)
        }
        guard member.size == size else {
            throw AssayError(
                .digestMismatch, "\(name) is damaged", reason: "it has \(member.size) bytes and not \(size)")
        }
        return member
    }

    // MARK: Signature

    /// The first trusted key among the model signatures; the fault of the last one if there is none.
    private func signer(_ plan: BundlePlan, files: [VersionFile], trusted: [PublicKey]) throws -> PublicKey {
        var fault = AssayError(.unsigned, "the bundle of \(plan.repository):\(plan.number) holds no model signature")
        for referrer in plan.referrers where referrer.effectiveArtifactType == MediaType.sigstoreBundle {
            guard let blob = referrer.layers.first, let bytes = documents[blob.digest] else { continue }
            do throws(AssayError) {
                return try ModelSignature.verify(bytes, files: files, trusted: trusted)
            } catch {
                fault = error
            }
        }
        throw fault
    }

    private static func missing(_ name: String) -> AssayError { invalid("\(name) is missing in the bundle") }

    private static func unexpected(_ member: TarMember) -> AssayError {
        invalid("the bundle holds \(Printable.quote(member.path)), which nothing in it calls for")
    }

    private static func invalid(_ message: String, reason: String? = nil) -> AssayError {
        AssayError(.bundleInvalid, message, reason: reason)
    }
}
