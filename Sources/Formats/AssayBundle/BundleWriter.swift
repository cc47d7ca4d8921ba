package import AssayArchive
import AssayCrypto
package import AssayDomain

/// What goes into a bundle: one version and the evidence about it.
package struct BundlePlan: Sendable {
    /// The most pieces of evidence in one bundle.
    package static let referrersMax = 1_000

    package let label: BundleContents.Label
    package let manifest: Manifest
    /// By digest, so that the order in which evidence was attached does not show.
    package let referrers: [Manifest]
    /// The blobs that the writer wants, in its order.
    package let blobs: [BlobRecord]

    /// Throws `bundle-invalid` for an index, and for a referrer of something else; `too-many-entries`.
    package init(label: BundleContents.Label, manifest: Manifest, referrers: [Manifest]) throws(AssayError) {
        try Self.check(manifest, referrers: referrers)
        self.label = label
        self.manifest = manifest
        var unique: [Digest: Manifest] = [:]
        for referrer in referrers { unique[referrer.digest] = referrer }
        self.referrers = unique.values.sorted { $0.digest.description < $1.digest.description }
        blobs = try BundleLayout.blobs(of: [manifest] + self.referrers)
    }

    /// Whether a version and its evidence can be in one bundle. Throws as `init`.
    static func check(_ manifest: Manifest, referrers: [Manifest]) throws(AssayError) {
        guard manifest.children.isEmpty, !MediaType.isIndex(manifest.mediaType) else {
            throw AssayError(.bundleInvalid, "\(manifest.digest) is an index of manifests and cannot be bundled")
        }
        guard referrers.allSatisfy({ $0.subject?.digest == manifest.digest && $0.children.isEmpty }) else {
            throw AssayError(.bundleInvalid, "a referrer speaks of something else than \(manifest.digest)")
        }
        guard referrers.count <= referrersMax else {
            throw AssayError(.tooManyEntries, "\(manifest.digest) has over \(referrersMax) referrers")
        }
    }

    /// The paths of all members in their order.
    var paths: [String] {
        [BundleLayout.layoutPath, BundleLayout.indexPath]
            + ([manifest] + referrers).map { BundleLayout.path(of: $0.digest) }
            + blobs.map { BundleLayout.path(of: $0.digest) }
    }

    var index: BundleIndex {
        var annotations = [
            BundleLayout.refName: label.number.description, BundleLayout.repository: label.repository.text,
        ]
        if !label.aliases.isEmpty {
            annotations[BundleLayout.aliases] = label.aliases.map(\.text).sorted().joined(separator: " ")
        }
        return BundleIndex(
            schemaVersion: 2, mediaType: MediaType.imageIndex,
            manifests: [entry(of: manifest, annotations)] + referrers.map { entry(of: $0, nil) })
    }

    private func entry(of manifest: Manifest, _ annotations: [String: String]?) -> Descriptor {
        Descriptor(
            mediaType: manifest.mediaType, digest: manifest.digest, size: Int64(manifest.bytes.count),
            artifactType: manifest.effectiveArtifactType, annotations: annotations)
    }
}

/// Writes the bundle of a version: a tar of an OCI image layout. The same plan gives the same bytes.
///
/// After `init` the caller hands over each blob of the plan in its order, by `begin`, `write` and `end`, and then calls
/// `finish`. What is written before a throw is no bundle. Errors of the output pass untouched.
package final class BundleWriter {
    private let tar: TarWriter
    private var expected: ArraySlice<BlobRecord>
    private var digest: StreamingDigest?

    /// Starts a bundle and writes its layout, index and manifests.
    package init(_ plan: BundlePlan, to output: any ByteOutput) throws {
        let tar = try TarWriter(output)
        self.tar = tar
        expected = plan.blobs[...]
        let index = try WireJSON.encode(plan.index)
        try ArchiveFault.translated {
            try tar.add(path: BundleLayout.layoutPath, bytes: BundleLayout.layout)
            try tar.add(path: BundleLayout.indexPath, bytes: index)
            for manifest in [plan.manifest] + plan.referrers {
                try tar.add(path: BundleLayout.path(of: manifest.digest), bytes: manifest.bytes)
            }
        }
    }

    /// Starts the next blob, which must be the plan's next one.
    package func begin(_ blob: BlobRecord) throws {
        precondition(expected.first == blob, "blobs come in the order of the plan")
        digest = StreamingDigest(blob.digest.algorithm)
        try ArchiveFault.translated { try tar.begin(path: BundleLayout.path(of: blob.digest), size: blob.size) }
    }

    /// Adds bytes of the blob that was begun.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        digest?.update(bytes)
        try ArchiveFault.translated { try tar.write(bytes) }
    }

    /// Ends the blob. Throws `digest-mismatch` if its bytes are not those that its name says.
    package func end() throws {
        let blob = expected.removeFirst()
        try ArchiveFault.translated { try tar.end() }
        guard digest?.finalize() == blob.digest else {
            throw AssayError(.digestMismatch, "the stored bytes of \(blob.digest) are damaged")
        }
    }

    /// Completes the bundle.
    package func finish() throws {
        precondition(expected.isEmpty, "every blob of the plan was written")
        try ArchiveFault.translated { try tar.finish() }
    }
}
