import AssayDomain
import Testing

/// Other spellings of a format's keys, which some readers take for the key itself.
struct JSONShapeTests {
    private static let shape = JSONShape.object([
        "layers": .list(.object(["digest": .free, "mediaType": .free])), "config": .object(["keyid": .free]),
        "annotations": .free,
    ])

    private func refusal(_ text: String) -> String? {
        do throws(AssayError) {
            try StrictJSON.check(Array(text.utf8), shape: Self.shape)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(arguments: [
        #"{"Layers":[]}"#, #"{"LAYERS":[]}"#, #"{"layer\#u{17F}":[]}"#, #"{"layer\u017f":[]}"#, #"{"\u004cayers":[]}"#,
        #"{"layers":[],"Layers":[]}"#, #"{"layers":[{"Digest":1}]}"#, #"{"layers":[{},{"MediaType":1}]}"#,
        #"{"layers":[{"mediatype":1}]}"#, #"{"config":{"\#u{212A}eyid":1}}"#, #"{"config":{"KEYID":1}}"#,
        #"{"config":{"keyid":1,"\u212aeyid":2}}"#, #"{"Annotations":{}}"#,
    ])
    func `another spelling of a key is refused`(text: String) throws {
        #expect(try #require(refusal(text)).contains("some readers take for"))
    }

    @Test(arguments: [
        #"{"layers":[{"digest":"x","size":1}],"config":{"keyid":"K"}}"#, #"{"annotations":{"Layers":1,"layers":2}}"#,
        #"{"unknown":{"Layers":1,"LAYERS":2}}"#, #"{"layer":1,"layers2":1,"lay ers":1}"#, #"{"layers":{"Digest":1}}"#,
        #"{"ļayers":1}"#, "[]", "1",
    ])
    func `keys of their own, and those of free maps, pass`(text: String) {
        #expect(refusal(text) == nil)
    }
}
