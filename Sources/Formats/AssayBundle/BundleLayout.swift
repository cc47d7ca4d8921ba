import AssayDomain

/// The names and small documents of a bundle.
///
/// Source: OCI image-spec 1.1.1, image-layout.md. The order of the members is ours: layout, index, the manifests as the
/// index lists them, then all other blobs by digest. So whoever reads a stream knows of every blob what it is before it
/// comes.
enum BundleLayout {
    static let layoutPath = "oci-layout"
    static let indexPath = "index.json"
    static let layoutShape = JSONShape.object(["imageLayoutVersion": .free])
    static let layout = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)

    /// The version's number, where OCI tools look for a tag.
    static let refName = "org.opencontainers.image.ref.name"
    /// The repository that the version was exported from.
    static let repository = "dev.assay.repository"
    /// The aliases that pointed to it, with a space between.
    static let aliases = "dev.assay.aliases"

    static func path(of digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    /// The digest of a blob's path; nil for a path that is none of a blob. Throws `bundle-invalid` for a blob's path
    /// that no digest has.
    static func digest(ofPath path: String) throws(AssayError) -> Digest? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.first == "blobs" else { return nil }
        guard parts.count == 3, let digest = try? Digest(parsing: "\(parts[1]):\(parts[2])") else {
            throw AssayError(.bundleInvalid, "the bundle holds \(Printable.quote(path)), which is no blob's path")
        }
        return digest
    }

    /// The blobs that manifests need besides each other, in the order in which they stand in a bundle.
    ///
    /// Throws `bundle-invalid` if two descriptors state different sizes of one blob.
    static func blobs(of manifests: [Manifest]) throws(AssayError) -> [BlobRecord] {
        var sizes: [Digest: Int64] = [:]
        for descriptor in manifests.flatMap(\.requiredBlobs) {
            if let known = sizes.updateValue(descriptor.size, forKey: descriptor.digest), known != descriptor.size {
                throw AssayError(.bundleInvalid, "two manifests state different sizes of \(descriptor.digest)")
            }
        }
        for manifest in manifests {
            if let size = sizes.removeValue(forKey: manifest.digest), size != Int64(manifest.bytes.count) {
                throw AssayError(.bundleInvalid, "a manifest states a wrong size of \(manifest.digest)")
            }
        }
        return sizes.map { BlobRecord(digest: $0.key, size: $0.value) }
            .sorted { $0.digest.description < $1.digest.description }
    }
}

/// The index of a bundle: an OCI image index whose first manifest is the version.
struct BundleIndex: Codable {
    let schemaVersion: Int
    /// Other writers leave it out.
    let mediaType: String?
    let manifests: [Descriptor]
}
