import AssayDomain

/// The names and small documents of a bundle.
///
/// Source: OCI image-spec 1.1.1, image-layout.md. The order of the members is ours: layout, index, the manifests as the
/// index lists them, then all other blobs by digest. So a reader knows of every blob what it is before it comes, and a
/// stream is checked in one pass within bounded memory.
enum BundleLayout {
    static let layoutPath = "oci-layout"
    static let indexPath = "index.json"
    static let layout = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)

    /// The version's number, where OCI tools look for a tag.
    static let refName = "org.opencontainers.image.ref.name"
    /// The repository that the version was exported from.
    static let repository = "dev.assay.repository"

    static func path(of digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

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
    let mediaType: String
    let manifests: [Descriptor]
}
