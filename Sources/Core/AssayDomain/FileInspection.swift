/// What a file of a version is by its content, and what it says of itself: read, and never loaded or run.
///
/// What it says is its maker's claim. Format: docs/formats/inspection.md.
package struct FileInspection: Sendable, Hashable, Codable {
    /// What one name in the file says.
    package struct Fact: Sendable, Hashable, Codable {
        package let name: String
        package let values: [String]

        package init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }
    }

    /// The path within the version.
    package var path: String
    /// One of `Format`.
    package var format: String
    package var tensorCount: Int?
    /// The elements of all tensors.
    package var parameterCount: Int64?
    /// The elements by their type.
    package var elementTypes: [String: Int64]?
    /// What it says of itself, in order.
    package var facts: [Fact]?
    /// What a pickle imports when it is loaded, as `module.name`, sorted.
    package var imports: [String]?
    /// Why it, or the rest of it, was not read; absent where all was.
    package var notInspected: String?
    /// True where something in it is packed or cut so that it could be anything; absent otherwise.
    package var isOpaque: Bool?

    package init(path: String, format: String) {
        self.path = path
        self.format = format
    }

    /// What a file is called by its content.
    package enum Format {
        package static let onnx = "onnx"
        package static let safetensors = "safetensors"
        package static let gguf = "gguf"
        /// Python's serialized objects, in whatever they are packed: loading one can run anything.
        package static let pickle = "pickle"
        /// A `config.json` of the Transformers library.
        package static let modelConfig = "model-config"
        /// A README with front matter.
        package static let modelCard = "model-card"
        package static let mlmodel = "mlmodel"
        /// Packed in a way that is not unpacked here: it could be anything.
        package static let opaque = "opaque"

        /// Those that a policy may deny.
        package static let deniable = [gguf, onnx, pickle, safetensors]
    }

    /// Lines for people: what is known of it, each with a name.
    package var lines: [(name: String, text: String)] {
        var lines: [(String, String)] = [("format", format)]
        if let parameterCount {
            let types = (elementTypes ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
            lines.append(
                ("parameters", "\(parameterCount)" + (types.isEmpty ? "" : " of \(types.joined(separator: ", "))")))
        }
        if let tensorCount { lines.append(("tensors", "\(tensorCount)")) }
        if let imports { lines.append(("imports", imports.isEmpty ? "nothing" : imports.joined(separator: ", "))) }
        lines += (facts ?? []).map { ($0.name, $0.values.joined(separator: ", ")) }
        if let notInspected { lines.append(("not inspected", notInspected)) }
        return lines
    }
}
