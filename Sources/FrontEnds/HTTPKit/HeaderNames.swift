package import HTTPTypes

extension HTTPField.Name {
    /// A header name that is written in the source, so that a malformed one is a bug of ours.
    package static func constant(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(text)") else { preconditionFailure("\(text) is no header name") }
        return name
    }

    static let host = constant("Host")

    /// The header that carries a request's id, both ways.
    package static let requestID = constant("X-Request-Id")
}
