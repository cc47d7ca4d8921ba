/// What answers of a model are kept under: all that they depend on besides the inputs.
///
/// A digest in the key needs no invalidation: another version has other keys, and after a way back the old ones hold
/// again. Format: docs/formats/caching.md.
package struct CacheKey: Sendable, Hashable, Encodable {
    /// What every key begins with; the number goes up when the document below changes.
    package static let scheme = "pred:v1:"
    package static let providerDefault = "cpu"
    private static let textBytesMax = 200

    /// The path of the model in the version.
    package let file: String
    package let manifest: Digest
    /// Sorted by their bytes, each once.
    package let outputs: [String]
    /// The execution provider of the runtime.
    package let provider: String
    /// Name and version of the runtime that answers.
    package let runtime: String

    /// Throws `request-invalid` for texts that are none.
    package init(
        manifest: Digest, file: String, runtime: String, provider: String, outputs: [String]
    ) throws(AssayError) {
        for (name, text) in [("the runtime", runtime), ("the provider", provider)] {
            guard 1...Self.textBytesMax ~= text.utf8.count, Printable.isPlain(text) else {
                throw AssayError(
                    .requestInvalid, "\(name) is no text of 1 to \(Self.textBytesMax) printable bytes",
                    remedy: "name it as the serving runtime does, such as 'onnxruntime 1.22.0'")
            }
        }
        guard !outputs.isEmpty else {
            throw AssayError(
                .requestInvalid, "no output is named, so nothing would be kept", remedy: "name one with --output")
        }
        self.manifest = manifest
        self.file = file
        self.runtime = runtime
        self.provider = provider
        self.outputs = Set(outputs.map(ExactText.init)).map(\.text)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The document whose SHA-256 is the key's: canonical JSON, sorted keys and no spaces.
    package func document() throws -> [UInt8] { try JSON.encodeVerbatim(self) }
}
