/// What a file of a version is for; it decides the media type of its layer.
///
/// Source: CNCF ModelPack model-spec v0.0.7, spec.md, "Layers".
package enum FileKind: String, Sendable, CaseIterable {
    case weight
    case weightConfig = "weight.config"
    case doc
    case code
    case dataset

    /// The media type of a layer that is one file of this kind, byte for byte.
    package var mediaType: String { "application/vnd.cncf.model.\(rawValue).v1.raw" }

    /// The kind whose layers have this media type; nil if it is none of theirs.
    init?(mediaType: String) {
        guard let kind = Self.allCases.first(where: { $0.mediaType.utf8.elementsEqual(mediaType.utf8) }) else {
            return nil
        }
        self = kind
    }

    /// What a file of a model is for, guessed from its name: weights unless the name says otherwise.
    package static func guess(path: String) -> FileKind {
        let name = (path.split(separator: "/").last ?? "").lowercased()
        if documentNames.contains(where: { name == $0 || name.hasPrefix("\($0).") }) { return .doc }
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return .weight }
        switch name[name.index(after: dot)...] {
        case "json", "yaml", "yml", "toml", "ini", "cfg", "model", "vocab", "jinja": return .weightConfig
        case "md", "txt", "rst", "pdf", "html", "png", "jpg", "jpeg", "svg": return .doc
        case "py", "ipynb", "sh", "r", "jl", "c", "cpp", "cu", "swift", "js", "ts", "rs", "go", "java": return .code
        case "csv", "tsv", "parquet", "arrow", "jsonl", "npz", "npy": return .dataset
        default: return .weight
        }
    }

    private static let documentNames = ["readme", "license", "licence", "notice", "changelog", "citation"]
}
