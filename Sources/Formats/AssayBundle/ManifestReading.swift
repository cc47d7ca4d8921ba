import AssayCrypto
package import AssayDomain

/// The strict reading of a manifest: it passes only if every client reads the same in its bytes.
///
/// Asked of what is pushed, and again of what is stored or brought before it is signed, promoted, pulled with a trust
/// root or imported. Reading what is stored is another matter: `Manifest(parsing:)`.
package struct ManifestReading: Sendable {
    package let manifest: Manifest
    let config: StrictDescriptor?
    let layers: [StrictDescriptor]

    /// Throws `manifest-invalid` for bytes that are no manifest, that hold another spelling of one of the format's
    /// keys, that are an image and an index at once, or of the first schema; for a type that is none of a manifest, or
    /// contradicts the content; and for embedded `data` that is not the content that its digest names.
    package init(_ bytes: [UInt8], digest: Digest, contentType: String?) throws(AssayError) {
        let body = try ManifestBody<StrictDescriptor>.decode(bytes, shape: Self.shape)
        manifest = try Manifest(body, bytes: bytes, digest: digest, contentType: contentType)
        config = body.config
        layers = body.layers ?? []
        try Self.checkType(manifest.mediaType, of: body)
        guard !body.isOfFirstSchema else { throw Self.invalid("it has members of Docker's first schema") }
        for descriptor in body.descriptors { try descriptor.checkData() }
    }

    /// Asks again of a manifest that was read from a store, a server or a file.
    package init(_ manifest: Manifest) throws(AssayError) {
        try self.init(manifest.bytes, digest: manifest.digest, contentType: manifest.mediaType)
    }

    private static func checkType(
        _ mediaType: String, of body: ManifestBody<StrictDescriptor>
    ) throws(AssayError) {
        guard MediaType.manifests.contains(mediaType) else {
            throw invalid("\(Printable.quote(mediaType, limit: 80)) is no type of a manifest")
        }
        let isImage = body.config != nil || body.layers != nil
        guard !isImage || body.manifests == nil else { throw invalid("it is an image and an index at once") }
        guard MediaType.isIndex(mediaType) ? !isImage : body.manifests == nil else {
            throw invalid("its content is not what \(mediaType) says")
        }
        // Else who pushes the bytes first says for all what they are.
        let told = body.mediaType ?? (body.manifests == nil ? MediaType.imageManifest : MediaType.imageIndex)
        guard told == mediaType else {
            throw invalid("it has no mediaType, and is then no \(mediaType)", remedy: "state the mediaType in it")
        }
    }

    static func invalid(
        _ reason: String, remedy: String = "write it as the OCI image-spec has it"
    ) -> AssayError {
        AssayError(
            .manifestInvalid, "the manifest could be read in several ways", reason: reason, remedy: remedy)
    }

    // MARK: Shapes

    private static let descriptor = JSONShape.object([
        "mediaType": .free, "digest": .free, "size": .free, "urls": .list(.free), "annotations": .free, "data": .free,
        "artifactType": .free,
        "platform": .object([
            "architecture": .free, "os": .free, "os.version": .free, "os.features": .free, "variant": .free,
            "features": .free,
        ]),
    ])

    /// The keys of an image manifest and of an index (OCI image-spec 1.1.1: manifest.md, image-index.md and
    /// descriptor.md), and those of Docker's schemas.
    static let shape = JSONShape.object([
        "schemaVersion": .free, "mediaType": .free, "artifactType": .free, "config": descriptor,
        "layers": .list(descriptor), "manifests": .list(descriptor), "subject": descriptor, "annotations": .free,
        "fsLayers": .free, "history": .free, "signatures": .free,
    ])
}

/// A descriptor with what makes a client look elsewhere for its content.
struct StrictDescriptor: DescriptorForm {
    let descriptor: Descriptor
    /// Where else the content is said to be.
    let urls: [String]
    /// The content itself, in base64.
    private let data: String?

    private enum CodingKeys: String, CodingKey {
        case urls, data
    }

    init(from decoder: any Decoder) throws {
        descriptor = try Descriptor(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        urls = try container.decodeIfPresent([String].self, forKey: .urls) ?? []
        data = try container.decodeIfPresent(String.self, forKey: .data)
    }

    /// Throws `manifest-invalid` for embedded content that is not what the digest names.
    func checkData() throws(AssayError) {
        guard let data else { return }
        guard let content = Base64Text.decode(data), Int64(content.count) == descriptor.size,
            Digest.of(content, algorithm: descriptor.digest.algorithm) == descriptor.digest
        else { throw ManifestReading.invalid("the data of \(descriptor.digest) is not what the digest names") }
    }
}
