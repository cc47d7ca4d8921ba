import Testing

/// One public key of each curve in every form that it can be written in; made with the openssl command for these tests
/// and used nowhere else.
enum KeyForms {
    struct Key: Sendable, CustomTestStringConvertible {
        let name: String
        /// The curve by its name, the point uncompressed.
        let plain: String
        /// Compressed and hybrid points, and the parameters of the curve in place of its name.
        let others: [String]

        var testDescription: String { name }
    }

    static let all = [
        Key(
            name: "p256",
            plain: """
                -----BEGIN PUBLIC KEY-----
                MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwt3DO0yFBkYDxTWEHj8fnUboQLGi
                PVj2oqBuynOAiHRhsc+qg632NVve+EhfD4vosLamXX4WdEmDvAS75G0ldw==
                -----END PUBLIC KEY-----

                """,
            others: [
                """
                -----BEGIN PUBLIC KEY-----
                MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADwt3DO0yFBkYDxTWEHj8fnUboQLGi
                PVj2oqBuynOAiHQ=
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAHwt3DO0yFBkYDxTWEHj8fnUboQLGi
                PVj2oqBuynOAiHRhsc+qg632NVve+EhfD4vosLamXX4WdEmDvAS75G0ldw==
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
                AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
                ///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
                NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
                RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
                //////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABMLdwztMhQZGA8U1hB4/H51G
                6ECxoj1Y9qKgbspzgIh0YbHPqoOt9jVb3vhIXw+L6LC2pl1+FnRJg7wEu+RtJXc=
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIIBCjCB4wYHKoZIzj0CATCB1wIBATAsBgcqhkjOPQEBAiEA/////wAAAAEAAAAA
                AAAAAAAAAAD///////////////8wWwQg/////wAAAAEAAAAAAAAAAAAAAAD/////
                //////////wEIFrGNdiqOpPns+u9VXaYhrxlHQawzFOw9jvOPD4n0mBLAxUAxJ02
                CIbnBJNqZnjhE50mt4GffpAEIQNrF9Hy4SxCR/i85uVjpEDydwN9gS3rM6D0oTlF
                2JjClgIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBAyIAA8Ld
                wztMhQZGA8U1hB4/H51G6ECxoj1Y9qKgbspzgIh0
                -----END PUBLIC KEY-----

                """,
            ]),
        Key(
            name: "p384",
            plain: """
                -----BEGIN PUBLIC KEY-----
                MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEMMxcnWtbok6vUPf0GsdpgBUPhGCtCbV5
                qM4ApnNNUZqy8BKXcdZo1sTZVnz7cYQfmXXT29CnEOTFdCucVW3yTGLEZpxjlknZ
                J8EzfsDpUwjx3vVcXIGnZ2x1F40ESXYJ
                -----END PUBLIC KEY-----

                """,
            others: [
                """
                -----BEGIN PUBLIC KEY-----
                MEYwEAYHKoZIzj0CAQYFK4EEACIDMgADMMxcnWtbok6vUPf0GsdpgBUPhGCtCbV5
                qM4ApnNNUZqy8BKXcdZo1sTZVnz7cYQf
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAHMMxcnWtbok6vUPf0GsdpgBUPhGCtCbV5
                qM4ApnNNUZqy8BKXcdZo1sTZVnz7cYQfmXXT29CnEOTFdCucVW3yTGLEZpxjlknZ
                J8EzfsDpUwjx3vVcXIGnZ2x1F40ESXYJ
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIIBzDCCAWQGByqGSM49AgEwggFXAgEBMDwGByqGSM49AQECMQD/////////////
                /////////////////////////////v////8AAAAAAAAAAP////8wewQw////////
                //////////////////////////////////7/////AAAAAAAAAAD////8BDCzMS+n
                4j7n5JiOBWvj+C0ZGB2cbv6BQRIDFAiPUBOHWsZWOY2KLtGdKoXI7dPsKu8DFQCj
                NZJqoxmieh0AiWpnc6SCes2scwRhBKqHyiK+iwU3jrHHHvMgrXRuHTtii6ebmFn3
                QeCCVCo4VQLyXb9VKWw6VF44cnYKtzYX3kqWJixvXZ6Yv5KS3Cn49B29KJoUfOna
                MRO18LjACmCxzh1+gZ16Qx18kOoOXwIxAP//////////////////////////////
                /8djTYH0Ny3fWBoNskiwp3rs7BlqzMUpcwIBAQNiAAQwzFyda1uiTq9Q9/Qax2mA
                FQ+EYK0JtXmozgCmc01RmrLwEpdx1mjWxNlWfPtxhB+ZddPb0KcQ5MV0K5xVbfJM
                YsRmnGOWSdknwTN+wOlTCPHe9VxcgadnbHUXjQRJdgk=
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIIBbDCCATQGByqGSM49AgEwggEnAgEBMDwGByqGSM49AQECMQD/////////////
                /////////////////////////////v////8AAAAAAAAAAP////8wewQw////////
                //////////////////////////////////7/////AAAAAAAAAAD////8BDCzMS+n
                4j7n5JiOBWvj+C0ZGB2cbv6BQRIDFAiPUBOHWsZWOY2KLtGdKoXI7dPsKu8DFQCj
                NZJqoxmieh0AiWpnc6SCes2scwQxA6qHyiK+iwU3jrHHHvMgrXRuHTtii6ebmFn3
                QeCCVCo4VQLyXb9VKWw6VF44cnYKtwIxAP//////////////////////////////
                /8djTYH0Ny3fWBoNskiwp3rs7BlqzMUpcwIBAQMyAAMwzFyda1uiTq9Q9/Qax2mA
                FQ+EYK0JtXmozgCmc01RmrLwEpdx1mjWxNlWfPtxhB8=
                -----END PUBLIC KEY-----

                """,
            ]),
        Key(
            name: "p521",
            plain: """
                -----BEGIN PUBLIC KEY-----
                MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAJ9SoH9etL9a7YpjJh1aRKpx2Lgad
                iliEsI3s9HmEMJ5O1U7O93rIKrSKtGTl0nI0AbwU0PcXlge8Z/n0lZhtwFcALuKx
                G17S/K6JHn+/m7apY61HM2DUKv6lLy5iGecq/dfMZoSbDKuqwGVo7YrRJvUt5AWi
                rFvIwq5djSirKY+UGb0=
                -----END PUBLIC KEY-----

                """,
            others: [
                """
                -----BEGIN PUBLIC KEY-----
                MFgwEAYHKoZIzj0CAQYFK4EEACMDRAADACfUqB/XrS/Wu2KYyYdWkSqcdi4GnYpY
                hLCN7PR5hDCeTtVOzvd6yCq0irRk5dJyNAG8FND3F5YHvGf59JWYbcBX
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAcAJ9SoH9etL9a7YpjJh1aRKpx2Lgad
                iliEsI3s9HmEMJ5O1U7O93rIKrSKtGTl0nI0AbwU0PcXlge8Z/n0lZhtwFcALuKx
                G17S/K6JHn+/m7apY61HM2DUKv6lLy5iGecq/dfMZoSbDKuqwGVo7YrRJvUt5AWi
                rFvIwq5djSirKY+UGb0=
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIICXTCCAdAGByqGSM49AgEwggHDAgEBME0GByqGSM49AQECQgH/////////////
                ////////////////////////////////////////////////////////////////
                /////////zCBnwRCAf//////////////////////////////////////////////
                ///////////////////////////////////////8BEIAUZU+uWGOHJofkpohoLaF
                QO6i2nJbmbMV87i0iZGO8QnhVhk5Uex+k3sWUsC9O7G/BzVz34g9LDTx70Uf1GtQ
                PwADFQDQnogAKRy4U5bMZxc5MoSqoNpkugSBhQQAxoWOBrcEBOnNnj7LZiOVtEKc
                ZIE5BT+1Ifgor2BrTT26oUted+/nWSj+HcEnov+o3jNIs8GFakKb+X5+McLlvWYB
                GDkpaniaO8AEXIpftCx9G9mY9URJV5tEaBevvRcnPmYsl+5ymV70JkDFULkBP60H
                YTU8cIaicsJAiL6Udp/RZlACQgH/////////////////////////////////////
                //////pRhoeDvy+Wa3/MAUj3CaXQO7XJuImcR667b7cekThkCQIBAQOBhgAEACfU
                qB/XrS/Wu2KYyYdWkSqcdi4GnYpYhLCN7PR5hDCeTtVOzvd6yCq0irRk5dJyNAG8
                FND3F5YHvGf59JWYbcBXAC7isRte0vyuiR5/v5u2qWOtRzNg1Cr+pS8uYhnnKv3X
                zGaEmwyrqsBlaO2K0Sb1LeQFoqxbyMKuXY0oqymPlBm9
                -----END PUBLIC KEY-----

                """,
                """
                -----BEGIN PUBLIC KEY-----
                MIIB1zCCAY0GByqGSM49AgEwggGAAgEBME0GByqGSM49AQECQgH/////////////
                ////////////////////////////////////////////////////////////////
                /////////zCBnwRCAf//////////////////////////////////////////////
                ///////////////////////////////////////8BEIAUZU+uWGOHJofkpohoLaF
                QO6i2nJbmbMV87i0iZGO8QnhVhk5Uex+k3sWUsC9O7G/BzVz34g9LDTx70Uf1GtQ
                PwADFQDQnogAKRy4U5bMZxc5MoSqoNpkugRDAgDGhY4GtwQE6c2ePstmI5W0Qpxk
                gTkFP7Uh+CivYGtNPbqhS1537+dZKP4dwSei/6jeM0izwYVqQpv5fn4xwuW9ZgJC
                Af//////////////////////////////////////////+lGGh4O/L5Zrf8wBSPcJ
                pdA7tcm4iZxHrrtvtx6ROGQJAgEBA0QAAwAn1Kgf160v1rtimMmHVpEqnHYuBp2K
                WISwjez0eYQwnk7VTs73esgqtIq0ZOXScjQBvBTQ9xeWB7xn+fSVmG3AVw==
                -----END PUBLIC KEY-----

                """,
            ]),
    ]
}
