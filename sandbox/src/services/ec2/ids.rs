//! Ids by their form: what is none is refused before anything is looked up.
//! Must know nothing of what there is.

use std::collections::HashMap;

use crate::world::Refusal;

/// Parameters that hold ids, what those begin with, and the code for one that is malformed (EC2 API, "Error codes", which
/// writes each in its own way).
const FORMS: &[(&str, &str, &str)] = &[
    ("GroupId", "sg-", "InvalidGroupId.Malformed"),
    ("ImageId", "ami-", "InvalidAMIID.Malformed"),
    ("InstanceId", "i-", "InvalidInstanceID.Malformed"),
    ("InternetGatewayId", "igw-", "InvalidInternetGatewayId.Malformed"),
    ("LaunchTemplateId", "lt-", "InvalidLaunchTemplateId.Malformed"),
    ("NetworkInterfaceId", "eni-", "InvalidNetworkInterfaceId.Malformed"),
    ("RouteTableId", "rtb-", "InvalidRouteTableId.Malformed"),
    ("SubnetId", "subnet-", "InvalidSubnetID.Malformed"),
    ("VpcEndpointId", "vpce-", "InvalidVpcEndpointId.Malformed"),
    ("VpcId", "vpc-", "InvalidVpcID.Malformed"),
];

/// # Errors
/// Of the first parameter whose value is no id of its kind. The words are those of `InvalidGroupId.Malformed` in
/// aws-cdk issue 20800.
pub(super) fn check(parameters: &HashMap<String, String>) -> Result<(), Refusal> {
    for (parameter, value) in parameters {
        let name = parameter.split_once('.').map_or(parameter.as_str(), |(name, _)| name);
        let form = FORMS.iter().find(|(known, ..)| *known == name);
        if let Some((_, prefix, code)) = form
            && !is_id(value, prefix)
        {
            let text = format!("Invalid id: \"{value}\" (expecting \"{prefix}...\")");
            return Err(Refusal::new(code, text));
        }
    }
    Ok(())
}

/// Whether it has the form of an id. How many digits one has is not asked: there are ids of 8 and of 17, and which others
/// are called malformed is not known.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> Option<String> {
        let parameters = HashMap::from([(name.to_owned(), value.to_owned())]);
        check(&parameters).err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn a_name_where_an_id_belongs_is_malformed_and_a_strange_id_is_not() {
        let told = "InvalidGroupId.Malformed: Invalid id: \"web\" (expecting \"sg-...\")";
        assert_eq!(refused("GroupId.1", "web").as_deref(), Some(told));
        assert!(refused("VpcId", "vpc-xyz").is_some());
        assert!(refused("VpcId", "subnet-0a1b2c3d").is_some());
        assert_eq!(refused("VpcId", "vpc-0a1b2c3d4e5f60718"), None);
        assert_eq!(refused("GroupName", "web"), None);
    }
}
