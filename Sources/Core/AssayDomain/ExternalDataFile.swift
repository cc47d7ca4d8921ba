/// Which file of a version a model means by the name of one beside itself.
///
/// Source: onnx.proto, `TensorProto.external_data`: a location is a path relative to the model's folder. It is read as
/// ONNX Runtime opens it, `./` included, and never leaves the model's own folder.
package enum ExternalDataFile {
    /// The location as plain names with slashes between them; nil for what is no such path: an absolute one, one with
    /// `..`, an empty name.
    package static func plainLocation(_ location: String) -> String? {
        let parts = location.pathComponents.filter { !$0.isExactly(".") }
        guard let last = location.pathComponents.last, !last.isExactly("."), !parts.isEmpty,
            parts.allSatisfy({ !$0.isEmpty && !$0.isExactly("..") }), !location.unicodeScalars.contains("\0")
        else { return nil }
        return parts.joined(separator: "/")
    }

    /// The path within the version of the file beside a model that a location means; nil if it is none.
    package static func path(of location: String, beside model: String) -> String? {
        plainLocation(location).map { plain in
            model.pathComponents.dropLast().map { "\($0)/" }.joined() + plain
        }
    }

    /// What a model reads of a file beside it.
    package struct Need: Sendable {
        /// The model's own word for the file, which may be anything.
        package let location: String
        /// The size that the file must have at least.
        package let bytesMin: Int64

        package init(location: String, bytesMin: Int64) {
            self.location = location
            self.bytesMin = bytesMin
        }
    }

    /// Why a version of these files does not have what a model needs, as a sentence without its end; nil if it has.
    /// `sizes` are those of all its files.
    package static func fault(_ need: Need, beside model: String, sizes: [ExactText: Int64]) -> String? {
        let subject = "the external data \(Printable.quote(need.location, limit: 200))"
        guard let path = path(of: need.location, beside: model) else {
            return "\(subject) is no path within the model's folder"
        }
        guard !path.isExactly(model) else { return "\(subject) is the model itself" }
        guard let size = sizes[ExactText(path)] else { return "\(subject) is no file of the version" }
        guard need.bytesMin <= size else { return "\(subject) is read up to byte \(need.bytesMin) and has \(size)" }
        return nil
    }
}
