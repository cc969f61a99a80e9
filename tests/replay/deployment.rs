//! A failed deployment, by what the instances' logs say: asked for by one operation, given by another, fetched from a URL.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::account::{of_root, stack};
use crate::beanstalk::{EB_CLI, GUIDE, SAMPLES};
use crate::bodies::{done, query};
use crate::environment_answers::{failed_launch, given};
use crate::script::refused;
use crate::wire::escaped;

const ID: &str = "environment";

const TOLD: &[(&str, &str)] = &[
    (
        "ERROR",
        "Create environment operation is complete, but with errors. For more information, see troubleshooting documentation.",
    ),
    ("ERROR", "Instance deployment failed. For details, see 'eb-engine.log'."),
    ("INFO", "createEnvironment is starting."),
];

/// The end of an instance's logs, at an address of this machine. It is asked for once.
fn served(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept()?;
        let mut request = [0; 4096];
        let _ = connection.read(&mut request)?;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            text.len()
        );
        connection.write_all(head.as_bytes())?;
        connection.write_all(text.as_bytes())
    });
    format!("http://{address}/tail.txt?X-Amz-Signature=made-up&X-Amz-Expires=900")
}

const TAIL: &str = "\
----------------------------------------
/var/log/eb-engine.log
----------------------------------------
2026/11/24 12:05:01.000000 [ERROR] An error occurred during execution of command [app-deploy] - [start proxy with new configuration].
nginx: [emerg] open() \"/var/proxy/staging/nginx/mime.types\" failed (2: No such file or directory)
";

fn info(url: &str) -> String {
    let member = match url {
        "" => String::new(),
        url => format!(
            "<member><InfoType>tail</InfoType><Ec2InstanceId>i-0123456789abcdef0</Ec2InstanceId>\
             <SampleTimestamp>2026-11-24T12:10:00.123Z</SampleTimestamp><Message>{}</Message></member>",
            escaped(url)
        ),
    };
    query(
        "RetrieveEnvironmentInfo",
        &format!("<EnvironmentInfo>{member}</EnvironmentInfo>"),
    )
}

#[tokio::test]
async fn it_says_what_the_instances_said() {
    let url = served(TAIL);
    let script = failed_launch(TOLD)
        .documented(
            "s3:GetObject",
            &format!("{GUIDE} environments-deployment-logs"),
            refused(404, "NoSuchKey", "The specified key does not exist."),
        )
        .documented(
            "elasticbeanstalk:RetrieveEnvironmentInfo",
            &format!("{SAMPLES}/elasticbeanstalk-retrieve-environment-info.xml"),
            info(""),
        )
        .documented(
            "elasticbeanstalk:RequestEnvironmentInfo",
            &format!("{SAMPLES}/elasticbeanstalk-request-environment-info.xml"),
            done("RequestEnvironmentInfo"),
        )
        .documented(
            "elasticbeanstalk:RetrieveEnvironmentInfo",
            &format!("{SAMPLES}/elasticbeanstalk-retrieve-environment-info.xml"),
            info(&url),
        )
        .after("elasticbeanstalk:RequestEnvironmentInfo");
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let failure = ran.failure();
    let all = failure.error.in_a_line();
    for told in [
        "Instance deployment failed",
        "mime.types",
        "ELB processes are not healthy",
    ] {
        assert!(all.contains(told), "{told} is missing in: {all}");
    }
    // Whoever has the address reads the log.
    assert!(!all.contains("X-Amz-Signature"), "{all}");
    assert!(!failure.left_behind.is_empty());
    let file = all
        .split(" is in ")
        .nth(1)
        .and_then(|rest| rest.split(": ").next())
        .unwrap();
    assert!(std::fs::read_to_string(file).unwrap().contains("[app-deploy]"));
    std::fs::remove_file(file).unwrap();
    account.check();
}

#[tokio::test]
async fn the_log_of_the_deployment_itself_is_enough_where_the_others_cannot_be_had() {
    let script = failed_launch(TOLD)
        .documented("s3:GetObject", &format!("{GUIDE} environments-deployment-logs"), TAIL)
        .modelled("elasticbeanstalk:RetrieveEnvironmentInfo", EB_CLI, info(""))
        .modelled(
            "elasticbeanstalk:RequestEnvironmentInfo",
            EB_CLI,
            refused(
                403,
                "AccessDenied",
                "User: ann is not authorized to perform: elasticbeanstalk:RequestEnvironmentInfo",
            ),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    let all = ran.failure().error.in_a_line();
    assert!(all.contains("mime.types"), "{all}");
    let file = all
        .split(" is in ")
        .nth(1)
        .and_then(|rest| rest.split(": ").next())
        .unwrap();
    std::fs::remove_file(file).unwrap();
    account.check();
}
