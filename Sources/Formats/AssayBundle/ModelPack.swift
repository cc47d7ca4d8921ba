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
    /// the files come: nothing in them is a time, a machine, a person or a repository.
    ///
    /// In a dataset repository every file but a document is a dataset layer. `form` is an older one only to find
    /// what was pushed in it; that one needs the repository's name.
    /// Throws `path-unsafe`, `request-invalid` for no files, `too-many-entries`, `manifest-too-large`.
    package static func build(
        _ files: [ModelFile], kind: Repository.Kind, properties: ModelProperties = ModelProperties(),
        form: PlainForm = .current, repository: RepositoryName? = nil
    ) throws -> ModelPackDocuments {
        let files = files.map { file in
            let fileKind = kind == .dataset && file.kind != .doc ? .dataset : file.kind
            return ModelFile(path: file.path, digest: file.digest, size: file.size, kind: fileKind)
        }
        return try form.write(files, properties: properties, repository: repository)
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
}
