import AssayClient
import AssayDomain

/// Figures that a harness measured, as JSON or YAML: a map of names to numbers, or to `{value, n, low, high, unit}`.
enum FiguresFile {
    /// Throws `request-invalid` for what two readers could understand in two ways, and for what is no figure;
    /// `body-too-large`; as `InputFile.read`.
    static func read(_ path: String) throws -> [String: MeasuredFigures.Value] {
        do {
            let bytes = try InputFile.read(path, bytesMax: YAMLNode.bytesMax)
            let document = try YAMLValue.parse(bytes, name: path, code: .requestInvalid, keys: ["n"])
            return try MeasuredFigures.values(in: JSONValue(parsing: JSON.encodeVerbatim(document)))
        } catch let error as AssayError {
            let (code, message): (ErrorCode, String) =
                error.code == .jsonInvalid
                ? (.requestInvalid, "\(Printable.quote(path)) holds no figures that can be signed")
                : (error.code, error.message)
            let remedy =
                error.code == .bodyTooLarge
                ? "keep the figures that decide, at most \(MeasuredFigures.countMax), and leave samples out"
                : "write each figure as NAME: NUMBER, or NAME: {value: 0.71, n: 1000}; see docs/formats/measured.md"
            throw AssayError(
                code, message, reason: error.reason, remedy: error.remedy ?? remedy, cause: error)
        }
    }
}
