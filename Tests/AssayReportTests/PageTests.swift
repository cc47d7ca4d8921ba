import AssayDomain
import AssayReport
import Foundation
import Testing

@Suite struct PageTests {
    @Test func `the page of a passed version shows verdict, pictures and context`() throws {
        let page = try ReportPage(try Sample.report()).html()
        for expected in [
            "<h1>team/digits:3</h1>", "Passed", "id=\"latency-chart-title\"", "id=\"throughput-chart-title\"",
            "id=\"comparison-chart-title\"", "Confusion matrix", "assay-evaluator", "--replay 00000000000000aa",
        ] {
            #expect(page.contains(expected), "\(expected) is missing")
        }
    }

    @Test func `a refused version says so, whatever was measured`() throws {
        #expect(try ReportPage(try Sample.report(result: "FAILED")).html().contains("Refused"))
    }

    @Test func `a version that could not be measured has its failure and no pictures`() throws {
        let page = try ReportPage(try Sample.report(failure: "the model is <empty>", result: nil)).html()
        #expect(page.contains("Could not be measured") && page.contains("the model is &lt;empty&gt;"))
        #expect(!page.contains("<svg"))
    }

    @Test(arguments: [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><script>", "{{name}}",
        "a\u{0}\u{7}\u{202E}b",
    ])
    func `hostile text is escaped wherever it stands`(text: String) throws {
        let page = try ReportPage(try Sample.report(hostile: text)).html()
        #expect(
            !page.contains("<script") && !page.contains("<img") && page.components(separatedBy: "</style>").count == 2)
        #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{202E}" })
    }

    @Test(arguments: [2, 30, 60, 61])
    func `a matrix is drawn as long as its cells can be told apart`(classes: Int) throws {
        let page = try ReportPage(try Sample.report(classes: classes)).html()
        #expect(page.contains("class=\"grid") == (classes <= 60))
    }

    @Test(arguments: [0.0004, 3.0, 900, 75_000, 40_000_000])
    func `latencies of any size have an axis`(microseconds: Double) throws {
        let page = try ReportPage(try Sample.report(microseconds: microseconds)).html()
        let ticks = page.components(separatedBy: "<text class=\"tick\"").count
        #expect(ticks > 8 && !page.contains("nan ") && !page.contains("inf "))
    }

    @Test(
        arguments: [
            (1e300, "1.000e+300"), (.leastNonzeroMagnitude, "4.941e-324"), (-.leastNonzeroMagnitude, "-4.941e-324"),
            (-0.0, "0"),
            (Double.greatestFiniteMagnitude, "1.798e+308"), (9_223_372_036_854_775_808, "9.223e+18"),
            (999_999_999_999_999, "999999999999999"), (-1_234_567_890_123, "-1234567890123"), (9.9996e-10, "1.000e-09"),
            (0.25, "0.2500"),
        ] as [(Double, String)])
    func `every finite number is printed as one`(value: Double, text: String) throws {
        let report = try Sample.report(accuracy: value)
        let metrics = try #require(report.sections.first { $0.title == "Metrics" })
        #expect(metrics.tables.first?.rows.first?.map(\.text) == ["accuracy", text])
        #expect(try ReportPage(report).html().contains(">\(text)<"))
    }

    @Test(arguments: [1e300, .leastNonzeroMagnitude, 1e-300, .greatestFiniteMagnitude] as [Double])
    func `extreme latencies still make a page`(microseconds: Double) throws {
        let page = try ReportPage(try Sample.report(microseconds: microseconds, isConstant: true)).html()
        #expect(page.contains("id=\"latency\""))
    }

    @Test func `equal times of all runs still make a picture`() throws {
        let page = try ReportPage(try Sample.report(microseconds: 5, isConstant: true)).html()
        #expect(page.contains("latency-chart-title"))
    }
}
