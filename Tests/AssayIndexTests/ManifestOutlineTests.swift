import AssayDomain
import AssayRegistry
import Foundation
import Testing

@testable import AssayIndex

/// What an audit reads from a manifest's bytes without decoding them is what the decoder reads from them.
struct ManifestOutlineTests {
    private static let layer = #"{"mediaType":"a/b","digest":"sha256:\#(String(repeating: "1", count: 64))","size":7}"#
    private static let foreign = layer.replacing("a/b", with: "a/b.foreign.c")

    private func decoded(_ text: String) throws -> ManifestColumns<String> {
        let digest = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 0, count: 32))
        return try ManifestColumns(Manifest(parsing: Array(text.utf8), digest: digest, contentType: nil))
    }

    /// All that it says, in words; nil where it is not sure.
    private func outlined(_ text: String) -> [String]? {
        Array(text.utf8).withUnsafeBytes { bytes in
            ManifestColumns(outline: bytes).map { words($0) { String(decoding: $0, as: UTF8.self) } }
        }
    }

    private func words<Text>(_ columns: ManifestColumns<Text>, _ text: (Text) -> String) -> [String] {
        let attestation = columns.attestation.map {
            [$0.subject, $0.artifactType, $0.envelope].map(text) + [$0.predicateType.map(text) ?? "-"]
                + ["\($0.envelopeSize)"]
        }
        return [
            columns.artifactType.map(text) ?? "-", columns.subject.map(text) ?? "-",
            columns.annotations.map { String(decoding: $0, as: UTF8.self) } ?? "-", "\(columns.contentBytes)",
        ] + columns.references.map { "\($0.role) \(text($0.mediaType)) \(text($0.digest)) \($0.size)" }
            + (attestation ?? ["no attestation"])
    }

    @Test(arguments: [
        #"{"schemaVersion":2}"#, #" { "schemaVersion" : 2 , "layers" : [ ] , "annotations" : { } } "#,
        #"{"schemaVersion":2,"artifactType":"","config":\#(layer),"layers":[\#(layer),\#(layer)]}"#,
        #"{"layers":[\#(layer)],"config":\#(layer),"schemaVersion":2,"artifactType":"x/y","mediaType":"m/n"}"#,
        #"{"schemaVersion":2,"manifests":[\#(layer)],"subject":\#(layer),"annotations":{"b":"2","a":"1","B":"3"}}"#,
        #"{"schemaVersion":2,"artifactType":null,"config":null,"layers":null,"subject":null,"annotations":null}"#,
        #"{"schemaVersion":2,"x":{"layers":[1,"]",{"y":[true,null,-1.5e3]}]},"layers":[\#(layer)],"z":"}"}"#,
        #"{"schemaVersion":2,"artifactType":"\#(MediaType.dsseEnvelope)","subject":\#(layer),"layers":[\#(layer)]}"#,
        #"{"schemaVersion":2,"artifactType":"\#(MediaType.inToto)","subject":\#(layer),"layers":[\#(foreign)]}"#,
        """
        {"schemaVersion":2,"artifactType":"\(MediaType.sigstoreBundle)","subject":\(layer),"layers":[\(layer)],
        "annotations":{"\(Annotation.predicateType)":"p","\(Annotation.bundlePredicateType)":"q","größe":"ß/ü"}}
        """,
        #"{"schemaVersion":2,"layers":[\#(layer.replacing("7}", with: "9223372036854775807}")),\#(layer)]}"#,
    ])
    func `it says what the decoder says`(text: String) throws {
        #expect(outlined(text) == words(try decoded(text)) { $0 }, "\(text)")
    }

    @Test(arguments: [
        #"{"schemaVersion":2,"annotations":{"a":"\u0041"}}"#, #"{"schemaVersion":2,"subject":{"size":1}}"#,
        #"{"schemaVersion":2,"layers":[\#(layer.replacing("7}", with: "7e1}"))]}"#,
        #"{"schemaVersion":2,"layers":[\#(layer.replacing("7}", with: "99999999999999999999}"))]}"#, "", "[", "{", "7",
        #"{"a"}"#, #"{"a":"#, #"{"a":{"b":["#, #"{"layers":{"#, #"{"layers":["#, "{\"a\":[\u{1}]}", #"{"a":"b"#,
    ])
    func `it says nothing where it is not sure`(text: String) {
        #expect(outlined(text) == nil, "\(text)")
    }

    @Test func `no part of a manifest makes it read beyond the end`() {
        let text = #"{"schemaVersion":2,"annotations":{"a":"b"},"x":[1,{"y":"z"}],"layers":[\#(Self.layer)]}"#
        for count in 0..<text.utf8.count {
            #expect(outlined(String(text.prefix(count))) == nil, "\(count)")
        }
    }
}
