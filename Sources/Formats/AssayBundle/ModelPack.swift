import AssayCrypto
package import AssayDomain

/// One file of a version that is to be published.
package struct ModelFile: Sendable, Hashable {
    package let path: String
    package let digest: Digest
    package let size: Int64
    package let kind: FileKind

    /// Describes a file; the kind is guessed from its path where none is given.
    package init(path: String, digest: Digest, size: Int64, kind: FileKind? = nil) {
        self.path = path
        self.digest = digest
        self.size = size
        self.kind = kind ?? FileKind.guess(path: path)
    }
}

/// What a model's configuration says beside its files; what is nil is left out.
package struct ModelProperties: Sendable, Hashable {
    /// Such as `onnx`.
    package var format: String?
    /// Such as `float32`.
    package var precision: String?
    /// Such as `6.7B`; `ModelPack.paramSize(of:)` writes it.
    package var paramSize: String?

    package init(format: String? = nil, precision: String? = nil, paramSize: String? = nil) {
        self.format = format
        self.precision = precision
        self.paramSize = paramSize
    }
}

/// The two documents that make files a version.
package struct ModelPackDocuments: Sendable, Hashable {
    /// The OCI image manifest; its digest is the version's identity.
    package let manifest: [UInt8]
    /// The blob that the manifest names as its config.
    package let config: [UInt8]
}

/// Manifests in the form of CNCF ModelPack: one raw layer per file, its path in an annotation.
///
/// Source: model-spec v0.0.7, spec.md, config.md and annotations.md.
package enum ModelPack {
    /// The most files of one version; a manifest of so many stays below its limit.
    package static let filesMax = 10_000

    /// Builds manifest and config of a version. The same files and properties give the same bytes, in whatever order
    /// the files come: nothing in them is a time, a machine or a person.
    ///
    /// In a dataset repository every file but a document is a dataset layer.
    /// Throws `path-unsafe`, `request-invalid` for no files, `too-many-entries`, `manifest-too-large`.
    package static func build(
        _ files: [ModelFile], repository: RepositoryName, kind: Repository.Kind,
        properties: ModelProperties = ModelProperties()
    ) throws -> ModelPackDocuments {
        guard !files.isEmpty else { throw AssayError(.requestInvalid, "a version of \(repository) needs a file") }
        guard files.count <= filesMax else {
            throw AssayError(.tooManyEntries, "a version has \(files.count) files", reason: "at most \(filesMax) fit")
        }
        var paths = PathRules()
        for file in files { try paths.add(file.path) }
        let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let config = try WireJSON.encode(ModelConfig(sorted, repository: repository, properties: properties))
        let configDigest = Digest.sha256(of: config)
        let manifest = try WireJSON.encode(
            ArtifactManifest(
                artifactType: MediaType.modelManifest,
                config: Descriptor(
                    mediaType: MediaType.modelConfig, digest: configDigest, size: Int64(config.count)),
                layers: sorted.map { layer(of: $0, in: kind) }))
        guard manifest.count <= Manifest.bytesMaxDefault else {
            throw AssayError(.manifestTooLarge, "the manifest has \(manifest.count) bytes")
        }
        return ModelPackDocuments(manifest: manifest, config: config)
    }

    /// A number of parameters as ModelPack writes it: one decimal and a letter, such as `6.7B`.
    package static func paramSize(of count: Int64) -> String {
        let scales: [(Int64, String)] = [
            (1_000_000_000_000_000, "Q"), (1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"),
        ]
        let (scale, letter) = scales.first { count >= $0.0 } ?? (1_000, "K")
        let tenth = scale / 10
        let tenths = count / tenth + (count % tenth >= tenth / 2 ? 1 : 0)
        return "\(tenths / 10).\(tenths % 10)\(letter)"
    }

    private static func layer(of file: ModelFile, in kind: Repository.Kind) -> Descriptor {
        let fileKind = kind == .dataset && file.kind != .doc ? .dataset : file.kind
        return Descriptor(
            mediaType: fileKind.mediaType, digest: file.digest, size: file.size,
            annotations: [Annotation.modelFilePath: file.path, Annotation.title: file.path])
    }
}

/// The configuration document; keys as ModelPack names them.
private struct ModelConfig: Encodable {
    struct Description: Encodable {
        let name: String
    }

    struct Properties: Encodable {
        let format: String?
        let precision: String?
        let paramSize: String?
    }

    struct FileSystem: Encodable {
        let type = "layers"
        /// Digests of the uncompressed layers, which raw layers are already.
        let diffIds: [Digest]

        private enum CodingKeys: String, CodingKey {
            case type, diffIds
        }
    }

    let descriptor: Description
    let config: Properties
    let modelfs: FileSystem

    init(_ files: [ModelFile], repository: RepositoryName, properties: ModelProperties) {
        descriptor = Description(name: repository.text)
        config = Properties(
            format: properties.format, precision: properties.precision, paramSize: properties.paramSize)
        modelfs = FileSystem(diffIds: files.map(\.digest))
    }
}
