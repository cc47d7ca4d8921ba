import AssayArchive
package import AssayDomain

extension ManifestReading {
    /// The version's files, if every client that is known takes exactly these out of the manifest, by name and bytes.
    ///
    /// Throws `manifest-ambiguous` for an index; a manifest without a config or files; and a layer with a title that
    /// differs from its path or is no safe path, with addresses of its own, with a packer's notes of another file, or
    /// of a type that some client unpacks. Throws `path-unsafe` as `ModelPack.files`.
    package func unambiguousFiles() throws(AssayError) -> [VersionFile] {
        if let reason = try ambiguity() { throw Self.ambiguous(reason) }
        return try ModelPack.files(of: manifest)
    }

    /// Throws `manifest-ambiguous` for a layer that is an archive of files, by ModelPack's own types: what it is called
    /// is the name of a folder or a file in it, and never its own.
    package static func requireRaw(_ manifest: Manifest) throws(AssayError) {
        for layer in manifest.layers where MediaType.isPackedModel(layer.mediaType) {
            throw packed(layer, at: try ModelPack.path(of: layer))
        }
    }

    private static func ambiguous(_ reason: String) -> AssayError {
        AssayError(
            .manifestAmbiguous, "clients could take other files out of the manifest", reason: reason,
            remedy: "push the files as they are, under their own names: assay push, or oras push without folders")
    }

    private static func packed(_ layer: Descriptor, at path: String) -> AssayError {
        ambiguous(
            "\(Printable.quote(path)) is packed as \(Printable.quote(layer.mediaType, limit: 80)), "
                + "which clients unpack and Assay does not")
    }

    private func ambiguity() throws(AssayError) -> String? {
        guard !MediaType.isIndex(manifest.mediaType) else { return "it is an index of other manifests" }
        guard let config else { return "it has no config" }
        guard config.urls.isEmpty else { return "its config may be fetched from elsewhere" }
        guard !layers.isEmpty else { return "it has no files" }
        let isImage = MediaType.imageConfigs.contains(config.descriptor.mediaType)
        for layer in layers {
            if let reason = try layer.ambiguity(inImage: isImage) { return reason }
        }
        return nil
    }
}

extension StrictDescriptor {
    /// Why clients could make something else of the layer than one file at its path; nil if none could.
    ///
    /// The type of an image's plain layer is what ORAS gives to every file by default; beside a config of no image, and
    /// with a title, it is a file to every client.
    fileprivate func ambiguity(inImage isImage: Bool) throws(AssayError) -> String? {
        let path = try ModelPack.path(of: descriptor)
        let name = Printable.quote(path)
        let annotations = descriptor.annotations ?? [:]
        guard urls.isEmpty else { return "\(name) may be fetched from elsewhere" }
        let isFileOfORAS =
            !isImage && descriptor.mediaType == MediaType.imageLayer && annotations[Annotation.title] != nil
        guard isFileOfORAS || !MediaType.isPacked(descriptor.mediaType) else {
            return "\(name) is packed as \(Printable.quote(descriptor.mediaType, limit: 80)), "
                + "which clients unpack and Assay does not"
        }
        guard annotations[Annotation.unpack] == nil else { return "\(name) is a folder that clients unpack" }
        for key in [Annotation.title, Annotation.modelFilePathBefore] {
            guard let title = annotations[key] else { continue }
            guard title.utf8.elementsEqual(path.utf8) else {
                return "\(name) is called \(Printable.quote(title)) by its annotation \(key)"
            }
        }
        return annotations[Annotation.modelFileMetadata].flatMap { text in
            FileMetadata.isOfFile(at: path, text) ? nil : "\(name) has the notes of another file"
        }
    }
}

/// What a packer noted of a file: nothing of it may name or make another one.
private struct FileMetadata: Decodable {
    let name: String
    /// A tar header's type, as a number or a text: 0, or the digit "0", is a plain file.
    let typeflag: Int?

    static func isOfFile(at path: String, _ text: String) -> Bool {
        guard let notes = try? JSON.decodeVerbatim(FileMetadata.self, from: Array(text.utf8), shape: shape) else {
            return false  // What cannot be read could be anything.
        }
        let last = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        return (notes.name.utf8.elementsEqual(path.utf8) || Array(notes.name.utf8) == last)
            && [nil, 0, Int(UInt8(ascii: "0"))].contains(notes.typeflag)
    }

    private static let shape = JSONShape.object([
        "name": .free, "mode": .free, "uid": .free, "gid": .free, "size": .free, "mtime": .free, "typeflag": .free,
    ])
}
