/// What a manifest says of one piece of content: its type, digest and size in bytes.
///
/// Source: OCI image-spec 1.1.1, descriptor.md.
package struct Descriptor: Sendable, Hashable, Codable {
    package var mediaType: String
    package var digest: Digest
    package var size: Int64
    package var artifactType: String?
    package var annotations: [String: String]?

    package init(
        mediaType: String, digest: Digest, size: Int64, artifactType: String? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.artifactType = artifactType
        self.annotations = annotations
    }
}

/// An OCI image manifest or index: the bytes as they came, and what Assay reads from them.
///
/// Only the fields named here are interpreted. Everything else, unknown media types included, is kept byte for byte.
package struct Manifest: Sendable, Hashable {
    /// How a manifest speaks of a descriptor in it.
    package enum Role: String, Sendable, CaseIterable {
        case config
        case layer
        case child
    }

    /// The default limit of a manifest in bytes; OCI distribution-spec 1.1.1 demands at least 4 MiB.
    package static let bytesMaxDefault = 4 << 20
    /// The largest manifest that any store accepts, in bytes: what a reader must be able to take.
    package static let bytesMax = 64 << 20

    /// The body exactly as it was pushed; its digest is the manifest's identity.
    package let bytes: [UInt8]
    package let digest: Digest
    package let mediaType: String
    package let artifactType: String?
    package let config: Descriptor?
    package let layers: [Descriptor]
    package let children: [Descriptor]
    package let subject: Descriptor?
    package let annotations: [String: String]

    /// Reads a manifest that is stored, whose digest the caller has computed from the same bytes. What is pushed,
    /// signed or promoted is asked for more: see `ManifestReading`.
    ///
    /// Throws `manifest-invalid` if it is no JSON object of a manifest's form, or says another media type than the
    /// request did.
    package init(parsing bytes: [UInt8], digest: Digest, contentType: String?) throws(AssayError) {
        let body = try ManifestBody<Descriptor>.decode(bytes, shape: .free)
        try self.init(body, bytes: bytes, digest: digest, contentType: contentType)
    }

    /// What a body says. Throws as `init(parsing:)`.
    package init<Item: DescriptorForm>(
        _ body: ManifestBody<Item>, bytes: [UInt8], digest: Digest, contentType: String?
    ) throws(AssayError) {
        guard body.schemaVersion == 2 else {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", reason: "its schemaVersion is not 2")
        }
        if let stated = body.mediaType, let contentType, stated != contentType {
            throw AssayError(
                .manifestInvalid, "the manifest's mediaType is not the request's Content-Type",
                reason: "\(Printable.quote(stated)) against \(Printable.quote(contentType))")
        }
        guard body.descriptors.allSatisfy({ $0.descriptor.size >= 0 }) else {
            throw AssayError(.manifestInvalid, "the manifest names content of negative size")
        }
        self.bytes = bytes
        self.digest = digest
        mediaType =
            body.mediaType ?? contentType
            ?? (body.manifests == nil ? MediaType.imageManifest : MediaType.imageIndex)
        // Source: distribution-spec 1.1.1, "Listing Referrers": an empty type is none.
        artifactType = body.artifactType.flatMap { $0.isEmpty ? nil : $0 }
        config = body.config?.descriptor
        layers = (body.layers ?? []).map(\.descriptor)
        children = (body.manifests ?? []).map(\.descriptor)
        subject = body.subject?.descriptor
        annotations = body.annotations ?? [:]
    }
}

/// A descriptor as some reader of manifests decodes it.
package protocol DescriptorForm: Decodable, Sendable {
    var descriptor: Descriptor { get }
}

extension Descriptor: DescriptorForm {
    package var descriptor: Descriptor { self }
}

/// The members of an image manifest and of an index, as they stand in JSON.
package struct ManifestBody<Item: DescriptorForm>: Decodable, Sendable {
    package let schemaVersion: Int?
    package let mediaType: String?
    package let artifactType: String?
    package let config: Item?
    package let layers: [Item]?
    package let manifests: [Item]?
    package let subject: Item?
    package let annotations: [String: String]?
    private let fsLayers: Presence?
    private let history: Presence?
    private let signatures: Presence?

    /// A value of any form.
    private struct Presence: Decodable {
        init(from decoder: any Decoder) {}
    }

    /// Whether it has members of Docker's first schema, by which some clients would read it in another way.
    package var isOfFirstSchema: Bool { fsLayers != nil || history != nil || signatures != nil }

    /// Every descriptor in it.
    package var descriptors: [Item] { (layers ?? []) + (manifests ?? []) + [config, subject].compactMap(\.self) }

    /// Throws `manifest-invalid` for what is no such object, or has a key that its shape refuses.
    package static func decode(_ bytes: [UInt8], shape: JSONShape) throws(AssayError) -> ManifestBody {
        do {
            return try JSON.decodeVerbatim(ManifestBody.self, from: bytes, shape: shape)
        } catch let error as AssayError {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", reason: error.reason ?? error.message)
        } catch {
            throw AssayError(.manifestInvalid, "the manifest cannot be read", cause: error)
        }
    }
}

extension Manifest {
    /// Everything the manifest is made of, in order; the subject is not part of it.
    package var references: [(role: Role, descriptor: Descriptor)] {
        (config.map { [(.config, $0)] } ?? []) + layers.map { (.layer, $0) } + children.map { (.child, $0) }
    }

    /// The blobs that must be there before the manifest is accepted.
    package var requiredBlobs: [Descriptor] {
        (config.map { [$0] } ?? []) + layers.filter { !MediaType.isNonDistributable($0.mediaType) }
    }

    /// The sum of the sizes of its layers, in bytes, capped at the largest number.
    package var contentBytes: Int64 {
        layers.reduce(0) { total, layer in
            let (sum, overflow) = total.addingReportingOverflow(layer.size)
            return overflow ? .max : sum
        }
    }

    /// The type under which a referrers list shows it (distribution-spec 1.1.1, "Listing Referrers").
    package var effectiveArtifactType: String? { artifactType ?? config?.mediaType }

    /// The descriptor under which others refer to it.
    package var descriptor: Descriptor {
        Descriptor(
            mediaType: mediaType, digest: digest, size: Int64(bytes.count), artifactType: effectiveArtifactType,
            annotations: annotations.isEmpty ? nil : annotations)
    }
}
