import Foundation

/// The dotted paths of all keys in a JSON document whose value is not null; elements of a list share one path.
struct KeyPaths: Sequence {
    private let paths: [String]

    init(of json: [UInt8]) throws {
        paths = Self.collect(try JSONSerialization.jsonObject(with: Data(json)), prefix: "")
    }

    func makeIterator() -> IndexingIterator<[String]> { paths.makeIterator() }

    private static func collect(_ value: Any, prefix: String) -> [String] {
        if let list = value as? [Any] { return list.flatMap { collect($0, prefix: prefix) } }
        guard let object = value as? [String: Any] else { return [] }
        return object.flatMap { key, child in
            child is NSNull ? [] : [prefix + key] + collect(child, prefix: prefix + key + ".")
        }
    }
}
