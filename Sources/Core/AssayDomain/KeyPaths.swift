import Foundation

/// The dotted paths of all keys in a JSON document whose value is not null, list elements aside.
struct KeyPaths: Sequence {
    private let paths: [String]

    init(of json: [UInt8]) throws {
        paths = Self.collect(try JSONSerialization.jsonObject(with: Data(json)), prefix: "")
    }

    func makeIterator() -> IndexingIterator<[String]> { paths.makeIterator() }

    private static func collect(_ value: Any, prefix: String) -> [String] {
        guard let object = value as? [String: Any] else { return [] }
        return object.flatMap { key, child in
            child is NSNull ? [] : [prefix + key] + collect(child, prefix: prefix + key + ".")
        }
    }
}
