import AssayCrypto
package import AssayDomain

/// The forms in which versions are written here: manifests and configs that say nothing beside their files, but for
/// claims that decide nothing.
///
/// A manifest is of a form if reading it and writing it again gives its bytes, and those of its config. So nothing can
/// be in it that the writer does not put there. Forms are numbered; what an older one holds stays valid for ever.
package enum PlainForm: Int, Sendable, CaseIterable {
    /// With the name of the repository in the config.
    case named = 1
    /// With nothing in the config that is not about the files, so that content has one identity wherever it lies.
    case nameless = 2

    /// The form in which new versions are written.
    package static let current = PlainForm.nameless
    /// The most bytes of a config that is looked at.
    package static let configBytesMax = 4 << 20

    /// Whether a config can be one of ours, so that its bytes are worth fetching.
    package static func isPossible(_ manifest: Manifest) -> Bool {
        guard let config = manifest.config else { return false }
        return manifest.artifactType == MediaType.modelManifest && config.mediaType == MediaType.modelConfig
            && config.size <= Int64(configBytesMax) && manifest.subject == nil && manifest.children.isEmpty
    }

    /// The form that a manifest and the config that it names are of; nil if they are of none.
    package static func of(_ manifest: Manifest, config: [UInt8]) -> PlainForm? {
        guard isPossible(manifest), manifest.config?.digest == Digest.sha256(of: config),
            let model = try? JSON.decodeVerbatim(ModelConfig.self, from: config)  // What cannot be read is of no form.
        else { return nil }
        var files: [ModelFile] = []
        for layer in manifest.layers {
            guard let path = layer.annotations?[Annotation.modelFilePath],
                let kind = FileKind(mediaType: layer.mediaType)
            else {
                return nil
            }
            files.append(ModelFile(path: path, digest: layer.digest, size: layer.size, kind: kind))
        }
        let form: PlainForm = model.descriptor.name == nil ? .nameless : .named
        let name = model.descriptor.name.flatMap { try? RepositoryName(parsing: $0) }
        guard let written = try? form.write(files, properties: model.properties, repository: name),
            written.manifest == manifest.bytes, written.config == config
        else { return nil }
        return form
    }

    /// What a config of ModelPack says of the model; nobody signed or measured it. Nothing for what is none.
    package static func claims(in config: [UInt8]) -> [(name: String, value: String)] {
        guard let model = try? JSON.decodeVerbatim(ModelConfig.self, from: config) else { return [] }
        return [
            ("format", model.config.format), ("precision", model.config.precision),
            ("parameters", model.config.paramSize),
        ].compactMap { name, value in value.map { (name, $0) } }
    }

    /// Manifest and config of files, whose kinds are as they shall be. Throws as `ModelPack.build`.
    func write(
        _ files: [ModelFile], properties: ModelProperties, repository: RepositoryName?
    ) throws -> ModelPackDocuments {
        guard !files.isEmpty else { throw AssayError(.requestInvalid, "a version needs a file") }
        guard files.count <= ModelPack.filesMax else {
            throw AssayError(
                .tooManyEntries, "a version has \(files.count) files", reason: "at most \(ModelPack.filesMax) fit")
        }
        var paths = PathRules()
        for file in files { try paths.add(file.path) }
        let sorted = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let config = try WireJSON.encode(
            ModelConfig(
                name: self == .named ? repository?.text : nil, properties: properties,
                diffIds: sorted.map(\.digest)))
        let manifest = try WireJSON.encode(
            ArtifactManifest(
                artifactType: MediaType.modelManifest,
                config: Descriptor(
                    mediaType: MediaType.modelConfig, digest: .sha256(of: config), size: Int64(config.count)),
                layers: sorted.map(Self.layer)))
        guard manifest.count <= Manifest.bytesMax else {
            throw AssayError(
                .manifestTooLarge, "the manifest has \(manifest.count) bytes",
                reason: "no registry takes over \(Manifest.bytesMax)", remedy: "pack many small files into an archive")
        }
        return ModelPackDocuments(manifest: manifest, config: config)
    }

    private static func layer(of file: ModelFile) -> Descriptor {
        Descriptor(
            mediaType: file.kind.mediaType, digest: file.digest, size: file.size,
            annotations: [Annotation.modelFilePath: file.path, Annotation.title: file.path])
    }
}

/// The configuration document; keys as ModelPack names them.
///
/// Source: CNCF ModelPack model-spec v0.0.7, config.md.
private struct ModelConfig: Codable {
    struct Description: Codable {
        let name: String?
    }

    struct Properties: Codable {
        let format: String?
        let precision: String?
        let paramSize: String?
    }

    struct FileSystem: Codable {
        let type: String
        /// Digests of the uncompressed layers, which raw layers are already.
        let diffIds: [Digest]
    }

    let descriptor: Description
    let config: Properties
    let modelfs: FileSystem

    init(name: String?, properties: ModelProperties, diffIds: [Digest]) {
        descriptor = Description(name: name)
        config = Properties(
            format: properties.format, precision: properties.precision, paramSize: properties.paramSize)
        modelfs = FileSystem(type: "layers", diffIds: diffIds)
    }

    var properties: ModelProperties {
        ModelProperties(format: config.format, precision: config.precision, paramSize: config.paramSize)
    }
}
